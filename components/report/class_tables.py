"""The tables of a model that predicts one of several classes: the scores of each class, and the confusion matrix."""

from collections.abc import Iterator, Sequence

from components.common.formatting import html_number, html_significant
from components.common.verdict_record import ClassScores
from components.report.blocks import TableBlock

MAX_MATRIX = 20  # classes; a matrix of more is not readable


def class_tables(model: str, classes: Sequence[ClassScores]) -> Iterator[TableBlock]:
    """Yields the tables on one model; none without classes.

    Args:
        model: the name of the model in a title, such as `candidate`.
        classes: its scores on the test split.
    """
    if not classes:
        return
    yield TableBlock(
        f"Classes of the {model}",
        ("class", "rows", "precision", "recall", "F1", "AUC against all others"),
        tuple(
            (
                one.name,
                html_significant(one.rows),
                *map(html_number, (one.precision, one.recall, one.f1, one.auc)),
            )
            for one in classes
        ),
    )
    if len(classes) <= MAX_MATRIX:
        yield TableBlock(
            f"Confusion matrix of the {model}: rows of each class, by the class that is predicted",
            ("class", *(f"predicted {one.name}" for one in classes)),
            tuple((one.name, *map(html_significant, one.predicted)) for one in classes),
        )
