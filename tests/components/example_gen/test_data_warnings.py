"""The warnings about the values of a table, from whole tables and from given counts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.config.data import DataConfig
from components.config.split_settings import SplitConfig
from components.example_gen import block_plan, shards
from components.example_gen.data_warnings import class_warnings, copies_warning, split_warning
from components.example_gen.ingest_report import IngestTotals
from components.example_gen.row_copies import RowCopies
from components.example_gen.table import find_table
from components.tasks.binary import BINARY

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
LABEL = "churned", ("no", "yes")


def warnings_of(config: DataConfig, folder: Path, block_bytes: int = 8 * 2**20) -> list[str]:
    """Converts a table in blocks of the given size, the last one first, and returns the warnings."""
    table = find_table(config)
    plan = block_plan.plan_blocks(table, block_bytes)
    job = shards.ConversionJob(table, config, str(folder / f"blocks-{block_bytes}"), len(plan.blocks))
    for block in reversed(plan.blocks):
        shards.convert(job, block)
    return list(IngestTotals(job).data_warnings())


def table(rows: int = 2_000, **columns: Any) -> str:
    """A table with a normal feature, a count and a random label, and other columns."""
    draw = np.random.default_rng(1)
    content = {
        "a": draw.normal(size=rows).round(4),
        "count": draw.poisson(5, rows),
        "y": draw.integers(0, 2, rows),
    } | columns
    lines = [",".join(content), *(",".join(map(str, row)) for row in zip(*content.values(), strict=True))]
    return "\n".join(lines) + "\n"


NUMBERS = np.arange(2_000)


@pytest.mark.parametrize("block_bytes", [700, 9_000, 8 * 2**20])
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, []),
        ({"row": NUMBERS}, ["1 feature may be an id or a row number, because all values are different whole"]),
        ({"row": NUMBERS // 2}, []),
        (
            {"account": 10**15 + 3 * (NUMBERS // 2)},
            [
                # 10^15 is between 2^49 and 2^50, so float32 has multiples of 2^(49 - 23).
                "1 feature has whole numbers beyond 2^24 = 16,777,216. They are rounded, because features are 32-bit "
                "floats, and neighbours become equal: 'account' (up to 1,000,000,000,002,99",
            ],
        ),
        ({"account": 10**15 + 3 * NUMBERS}, ["1 feature may be an id"]),  # that they are rounded does not matter
        ({"day": 20_000_000 + NUMBERS % 50}, ["1 feature has whole numbers beyond 2^24"]),
        ({"y": (NUMBERS % 50 == 0).astype(int)}, []),
        ({"y": (NUMBERS % 56 == 0).astype(int)}, ["The label 'y' is '1' in 1.80% of the rows, below 2%. A model"]),
        ({"y": (NUMBERS % 56 != 0).astype(int)}, ["The label 'y' is '0' in 1.80% of the rows, below 2%. A model"]),
    ],
)  # fmt: skip
def test_tables(
    columns: Any, expected: list[str], block_bytes: int, write: Write, settings: Settings, tmp_path: Path
) -> None:
    """36 of 2,000 rows are 1.8%. The warnings do not depend on the blocks or their order."""
    config = settings(write("t.csv", table(**columns)), positive_label=None if "y" not in columns else "1")
    found = warnings_of(config, tmp_path, block_bytes)
    assert [given[: len(start)] for given, start in zip(found, expected, strict=True)] == expected
    if "account" in columns and "2^24" in found[0]:
        assert "; there, multiples of 67,108,864)" in found[0]
    if "row" in columns and expected:
        assert warnings_of(config.model_copy(update={"ignore": ("row",)}), tmp_path / "ignored") == []


def test_weights_count_for_the_label_and_make_copies_different(
    write: Write, settings: Settings, tmp_path: Path
) -> None:
    """A tenth of the rows is positive. With weights of 1/10 for them, it is 0.1 / (0.1 + 9) = 1.1%."""
    y = (NUMBERS % 10 == 0).astype(int)
    path = write("t.csv", table(y=y, w=np.where(y, 0.1, 1.0)))
    assert warnings_of(settings(path, ignore=("w",)), tmp_path / "without") == []
    (warning,) = warnings_of(settings(path, weight="w"), tmp_path / "with")
    assert warning.startswith("The label 'y' is '1' in 1.10% of the rows, below 2%.")


@pytest.mark.parametrize("block_bytes", [700, 9_000, 8 * 2**20])
def test_copies_of_one_row(block_bytes: int, write: Write, settings: Settings, tmp_path: Path) -> None:
    """160 of 2,000 rows are equal in all columns, also in the one that is ignored; an id makes them different."""
    same = np.random.default_rng(2).permutation(2_000) < 160
    draw = np.random.default_rng(3).normal(size=2_000)
    columns: dict[str, Any] = {
        "a": np.where(same, 0.5, draw),
        "count": np.where(same, 3, NUMBERS % 7),
        "y": np.where(same, 1, NUMBERS % 2),
    }
    path = write("t.csv", table(**columns, ignored=np.zeros(2_000)))
    (warning,) = warnings_of(settings(path, ignore=("ignored",)), tmp_path, block_bytes)
    assert warning.startswith("8.0% of the rows (160 of 2,000) are copies of one row")
    assert ": a 0.5, count 3. If" in warning
    path = write("ids.csv", table(**columns, ignored=NUMBERS))
    assert warnings_of(settings(path, ignore=("ignored",)), tmp_path / "ids", block_bytes) == []


def copies(count: int) -> RowCopies:
    return RowCopies.from_json({"ab": [count, "a 1"]})


def test_the_limit_of_copies() -> None:
    """More than 5%; one row alone has no copies."""
    assert list(copies_warning(copies(5), 100)) == []
    assert len(list(copies_warning(copies(6), 100))) == 1
    assert list(copies_warning(copies(1), 10)) == []


def test_the_limit_of_the_label() -> None:
    assert list(class_warnings(BINARY, *LABEL, (98.0, 2.0))) == []
    assert list(class_warnings(BINARY, *LABEL, (2.0, 98.0))) == []
    (rare,) = class_warnings(BINARY, *LABEL, (981.0, 19.0))
    assert "'churned' is 'yes' in 1.90%" in rare
    assert "always predicts 'no' has an accuracy of 98.10%" in rare
    assert "training.class_weight: balanced" in rare
    assert "data.weight" in rare


def test_the_limit_of_the_splits() -> None:
    """6:2:2 of 1,000 rows; 630 are 3 points more than 600, 631 are more than 3."""
    assert list(split_warning({"train": 630, "eval": 190, "test": 180}, SplitConfig())) == []
    (given,) = split_warning({"train": 631, "eval": 190, "test": 179}, SplitConfig())
    assert "train 63.1% (60.0%), eval 19.0% (20.0%), test 17.9% (20.0%)" in given
    assert "few rows (there are 1,000)" in given
    asked = SplitConfig(train=8, eval=1, test=1)
    assert list(split_warning({"train": 800, "eval": 100, "test": 100}, asked)) == []
    assert len(list(split_warning({"train": 600, "eval": 200, "test": 200}, asked))) == 1
    few = {"train": 800, "eval": 100, "test": 100}
    [of_groups] = split_warning(few, SplitConfig(by="group", column="who"))
    assert "no group is divided" in of_groups
    by_time = SplitConfig(by="time", column="day", eval_from="2024-01-01", test_from="2024-02-01")
    assert list(split_warning(few, by_time)) == []


def test_the_record_has_the_warnings(write: Write, settings: Settings, tmp_path: Path) -> None:
    """After those on columns that are left out."""
    config = settings(write("t.csv", table(row=NUMBERS, name=["x"] * 2_000)))
    found = find_table(config)
    plan = block_plan.plan_blocks(found)
    job = shards.ConversionJob(found, config, str(tmp_path / "out"), len(plan.blocks))
    for block in plan.blocks:
        shards.convert(job, block)
    record = json.loads(IngestTotals(job).record("").to_json())
    first, second = record["warnings"]
    assert record["possible_ids"] == ["row"]
    assert first == (
        "Left out, because they contain only text, and not 2 to 50 different texts (data.max_categories) that "
        "repeat: 'name'. data.categorical makes such columns features."
    )
    assert second.startswith("1 feature may be an id")


def test_a_categorical_feature_is_no_id(write: Write, settings: Settings, tmp_path: Path) -> None:
    """What is known of whole numbers is known of the numeric features alone, whatever stands before them."""
    config = settings(write("t.csv", table(kind=np.array(["red", "blue"])[NUMBERS % 2], row=NUMBERS)))
    found = find_table(config)
    assert found.read_columns.categorical == ("kind",)
    plan = block_plan.plan_blocks(found)
    job = shards.ConversionJob(found, config, str(tmp_path / "out"), len(plan.blocks))
    for block in plan.blocks:
        shards.convert(job, block)
    assert IngestTotals(job).record("").possible_ids == ("row",)


@pytest.mark.parametrize("block_bytes", [700, 8 * 2**20])
def test_a_file_that_was_cut(write: Write, settings: Settings, tmp_path: Path, block_bytes: int) -> None:
    """One sentence with the files, however they are cut into blocks; none for a whole file without a last line end."""
    whole = table()
    write("in/1.csv", whole[: whole.rindex(",", 0, int(0.7 * len(whole)))])  # the last label is gone
    write("in/2.csv", whole.rstrip())
    config = settings(str(tmp_path / "in"), max_bad_fraction=0.01)
    (warning,) = warnings_of(config, tmp_path, block_bytes)
    assert warning == (
        "1 file ends in the middle of a row, without a line end, so rows after it may be missing: "
        f"{tmp_path}/in/1.csv. Was it copied, or exported, to its end?"
    )
