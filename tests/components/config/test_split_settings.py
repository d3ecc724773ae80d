"""The keys of the split that must fit together."""

import pytest

from components.config.data import DataConfig
from components.config.split_settings import SplitConfig
from pipeline_def.config.load import ConfigError, load_config


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["by=time"], "data.split.column: expected the name of a column with data.split.by: time, got null"),
        (["column=day"], "data.split.column: expected null with data.split.by: row, got day"),
        (
            ["by=column", "column=part", "eval_from=2020"],
            "data.split.eval_from: expected null with data.split.by: column, got 2020",
        ),
        (
            ["by=time", "column=day", "eval_from=2024-01-31"],
            "data.split.test_from: expected a value, as data.split.eval_from has, got null",
        ),
        (
            ["by=time", "column=day", "eval_from=2024-01-31", "test_from=2024-01-31"],
            "data.split.test_from: expected a date or a time after data.split.eval_from, 2024-01-31, got 2024-01-31",
        ),
        (
            ["by=time", "column=day", "eval_from=2024", "test_from=2024-01-31"],
            "data.split.test_from: expected a number after data.split.eval_from, 2024, got 2024-01-31",
        ),
        (
            ["by=time", "column=day", "eval_from=soon", "test_from=2024"],
            "data.split.eval_from: expected a date or a time in ISO 8601, such as 2024-01-31, or a number, got 'soon'",
        ),
        (["by=day"], "data.split.by: expected row, column, time or group, got 'day'"),
    ],
)
def test_keys_that_do_not_fit_together(given: list[str], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, [f"data.split.{key}" for key in given])
    assert [line.split(": ", 1)[1] for line in caught.value.problems] == [problem]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"label": "day"}, "data.split.column: expected a column other than the label"),
        ({"weight": "day"}, "data.split.column: expected a column other than the weight"),
        ({"features": ("day",)}, "data.features: expected columns other than the column of the split"),
        ({"ignore": ("day",)}, "data.ignore: expected columns other than the column of the split"),
    ],
)
def test_the_column_has_no_other_role(keys: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        DataConfig.model_validate({"split": SplitConfig(by="column", column="day")} | keys)


def test_unquoted_dates_and_numbers_are_edges() -> None:
    """YAML reads 2024 as a number."""
    split = load_config(
        None, [f"data.split.{key}" for key in ("by=time", "column=year", "eval_from=2023", "test_from=2024")]
    ).data.split
    assert split.edges() == (2023, 2024)
    assert SplitConfig(
        by="time", column="d", eval_from="1970-01-01T01:00", test_from="1970-01-02"
    ).edges() == (
        3_600,
        86_400,
    )
