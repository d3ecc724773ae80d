"""The two values of the label, and labels that are refused."""

from collections.abc import Callable

import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.labels import MISSING, UNKNOWN, choose_labels

Settings = Callable[..., DataConfig]


@pytest.mark.parametrize(
    ("counts", "positive", "negative_and_positive"),
    [
        ({"0": 1, "1": 1}, None, ("0", "1")),
        ({"1.00": 1, "0.0": 1}, None, ("0.0", "1.00")),
        ({"TRUE": 1, "False": 1}, None, ("False", "TRUE")),
        ({"0": 5, "1": 5, "?": 1}, None, ("0", "1")),
        ({"yes": 1, "no": 1}, "yes", ("no", "yes")),
        ({"2.0": 1, "1.0": 1}, "2", ("1.0", "2.0")),
        ({"True": 1, "False": 1}, "false", ("True", "False")),
        ({"?": 1, "yes": 4, "no": 9}, "yes", ("no", "yes")),
    ],
)
def test_which_value_is_positive(
    counts: dict[str, int], positive: str | None, negative_and_positive: tuple[str, str], settings: Settings
) -> None:
    """0/1 and true/false need no setting, in any spelling; otherwise positive_label is the value that counts as 1."""
    labels = choose_labels(counts, settings("t.csv", positive_label=positive))
    assert labels.classes == negative_and_positive


@pytest.mark.parametrize(
    ("counts", "positive", "message"),
    [
        ({}, None, "The label 'y' has no value in any row; expected two different values."),
        ({"1": 3}, None, "The label 'y' has only one class, '1'; expected two."),
        ({"1": 3, "1.0": 2}, None, "The label 'y' has only one class, '1'; expected two."),
        ({"a": 3}, "a", "The label 'y' has only one class, 'a'; expected two."),
        (
            {"no": 1, "yes": 1},
            None,
            "The label 'y' has the values 'no' and 'yes': set data.positive_label to the one that counts as 1.",
        ),
        (
            {"1": 1, "2": 1},
            None,
            "The label 'y' has the values '1' and '2': set data.positive_label to the one that counts as 1.",
        ),
        (
            {"no": 1, "yes": 1},
            "ja",
            "data.positive_label is 'ja', but the label 'y' has the values 'no', 'yes'.",
        ),
        (
            dict.fromkeys("abcdefgh", 1),
            None,
            "The label 'y' has more than two values: 'a', 'b', 'c', 'd', 'e', 'f' and 2 more; expected exactly two, "
            "or data.task: multiclass with at most 100 classes.",
        ),
    ],
)
def test_labels_without_two_classes_are_refused(
    counts: dict[str, int], positive: str | None, message: str, settings: Settings
) -> None:
    with pytest.raises(DataRefused) as caught:
        choose_labels(counts, settings("t.csv", positive_label=positive))
    assert str(caught.value) == message


def test_codes_and_rejection_reasons(settings: Settings) -> None:
    labels = choose_labels({"0": 1, "1": 1}, settings("t.csv"))
    cells = ["1", " 0.0 ", "7", "", "NA", None]
    assert [labels.code(cell) for cell in cells] == [1, 0, UNKNOWN, MISSING, MISSING, MISSING]
    assert labels.rejection_reason("7") == "label 'y': expected one of '0', '1', found '7'"
    assert labels.rejection_reason(" ") == "label 'y': missing"
