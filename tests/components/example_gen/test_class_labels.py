"""A label of more than two values: when it is taken as classes, and their numbers."""

import pytest

from components.common.errors import DataRefused
from components.common.ingest_record import IngestRecord
from components.example_gen.cell_parsing import PLAIN
from components.example_gen.data_warnings import class_warnings
from components.example_gen.labels import MISSING, UNKNOWN, Labels, is_decided
from components.example_gen.task_choice import Label, choose_label
from components.tasks.multiclass import MULTICLASS
from components.tasks.regression import REGRESSION
from tests.components.example_gen.conftest import Settings


def chosen(settings: Settings, counts: dict[str, int], task: str = "auto") -> Label:
    return choose_label(counts, settings("t.csv", task=task), PLAIN)


@pytest.mark.parametrize(
    ("counts", "classes"),
    [
        ({"virginica": 50, "setosa": 50, "versicolor": 50}, ("setosa", "versicolor", "virginica")),
        ({"b": 3, "a": 2, "": 4, "none": 1, "c": 2}, ("a", "b", "c")),
        (
            {"2": 5, "10": 5, "1": 9, "1.0": 2, **{str(n): 3 for n in range(3, 10)}},
            tuple(map(str, range(1, 11))),
        ),
        ({"0": 5, "2": 5, "1": 9}, ("0", "1", "2")),
    ],
    ids=["texts", "missing cells", "numbers from 1", "numbers from 0"],
)
def test_auto_takes_classes_in_the_order_of_their_names(
    settings: Settings, counts: dict[str, int], classes: tuple[str, ...]
) -> None:
    """Numbers in the order of the numbers; the reason says what was found."""
    label = chosen(settings, counts)
    assert isinstance(label, Labels)
    assert (label.task, label.classes) == (MULTICLASS, classes)
    assert "data.task" in label.task_reason
    assert [label.code(f" {value} ") for value in classes] == list(range(len(classes)))
    assert (label.code("other"), label.code("")) == (UNKNOWN, MISSING)


@pytest.mark.parametrize(
    ("counts", "task", "message"),
    [
        ({"1": 5, "2": 5, "4": 5}, "auto", "set data.task to regression .*multiclass"),
        ({"a": 1, "b": 1, "c": 1}, "auto", "more than two values.*multiclass"),
        ({f"name {n}": 9 for n in range(101)}, "auto", "more than two values.*at most 100 classes"),
        ({str(n): 9 for n in range(101)}, "multiclass", "at most 100 classes.*at least 101"),
        ({"a": 500, "b": 499, "typo": 1}, "auto", "more than two values.*multiclass"),
        ({"a": 5}, "multiclass", "only one class, 'a'"),
        ({"": 5}, "multiclass", "has no value"),
    ],
)
def test_what_is_refused(settings: Settings, counts: dict[str, int], task: str, message: str) -> None:
    """The message has the label, what was found and the keys."""
    with pytest.raises(DataRefused, match=f"The label 'y'.*{message}"):
        chosen(settings, counts, task)


def test_the_task_can_be_named(settings: Settings) -> None:
    """Then whole numbers with gaps and texts that hardly repeat are classes too, and no value is left out."""
    assert chosen(settings, {"4": 1, "-1": 1, "30": 1}, "multiclass").classes == ("-1", "4", "30")
    assert chosen(settings, {"a": 500, "b": 499, "rare": 1}, "multiclass").classes == ("a", "b", "rare")


def test_all_rows_are_read_for_further_classes(settings: Settings) -> None:
    """0 and 1 are all values of a label of two classes, but not if more are expected or were seen."""
    assert is_decided({"0": 5, "1": 5}, settings("t.csv"))
    assert not is_decided({"0": 5, "1": 5}, settings("t.csv", task="multiclass"))
    assert not is_decided({"0": 5, "1": 5, "2": 5}, settings("t.csv"))
    assert is_decided({"0": 5, "1": 5, "2": 5}, settings("t.csv", task="binary"))


def test_rare_classes_are_named() -> None:
    """Those with fewer than 10 rows; also of two classes, if the task is multiclass."""
    assert list(class_warnings(MULTICLASS, "kind", ("a", "b", "c"), (10.0, 90.0, 10.0))) == []
    (warning,) = class_warnings(MULTICLASS, "kind", ("a", "b", "c"), (9.0, 90.0, 1.0))
    for part in ("2 classes", "'kind'", "10 rows", "'a', 'c'"):
        assert part in warning
    assert list(class_warnings(MULTICLASS, "kind", ("a", "b"), (10.0, 9_990.0))) == []
    assert len(list(class_warnings(MULTICLASS, "kind", ("a", "b"), (9.0, 9_991.0)))) == 1
    assert list(class_warnings(REGRESSION, "kind", (), ())) == []


def test_a_record_of_an_earlier_version_has_its_two_classes() -> None:
    """It has only the keys of the negative and of the positive value."""
    record = {"rows": {"train": 6, "eval": 2, "test": 2}, "features": ["x"], "label": "y", "digest": "d"}
    earlier = record | {
        "negative_label": "no",
        "positive_label": "yes",
        "positives": {"train": 1, "eval": 0, "test": 1},
    }
    assert IngestRecord.model_validate(earlier).classes == ("no", "yes")
    assert IngestRecord.model_validate(earlier).class_counts("train") == (5, 1)
    assert IngestRecord.model_validate(record).classes == ()
    assert IngestRecord.model_validate(record | {"class_rows": {"eval": [1, 0, 1]}}).class_counts("eval") == (
        1,
        0,
        1,
    )
