"""Creates the confusion matrices of models of several classes, and the table of the scores of each class."""

from collections.abc import Iterator, Mapping, Sequence

from components.common.formatting import html_number, html_significant, percent, plural
from components.common.verdict_record import ClassScores
from components.report.blocks import Block, Chart, ChartCells, TableBlock, TextBlock

_MAX_MATRIX = 20  # classes: a larger matrix is only drawn
_MOST_CONFUSED = 3

Classes = Sequence[ClassScores]


def class_plots(models: Mapping[str, Classes]) -> Iterator[Block]:
    """Yields a matrix for each model, the scores of each class of all models, and the matrices as tables.

    Args:
        models: by the name of the model, the scores of its classes on the test split; the same classes for all models.
    """
    if not models:
        text = "There is no confusion matrix: it needs rows and predictions that are numbers."
        yield TextBlock(text, "quiet")
        return
    for name, classes in models.items():
        yield _matrix(name, classes)
    yield _scores(models)
    for name, classes in models.items():
        if len(classes) <= _MAX_MATRIX:
            yield _matrix_table(name, classes)


def _matrix(model: str, classes: Classes) -> Chart:
    names = tuple(item.name for item in classes)
    right = sum(item.predicted[place] for place, item in enumerate(classes))
    rows = sum(item.rows for item in classes)
    text = (
        f"Rows of each class by the class that is predicted; {percent(right / rows)} are predicted correctly."
    )
    if confused := _most_confused(classes):
        text += f" Most often confused, in rows: {', '.join(confused)}."
    return Chart(
        f"confusion-{model.replace(' ', '-')}",
        f"Confusion matrix of the {model}",
        text,
        "predicted class",
        "class",
        cells=ChartCells(
            columns=names,
            shares=tuple(
                tuple(number / item.rows if item.rows else None for number in item.predicted)
                for item in classes
            ),
            texts=tuple(tuple(map(html_significant, item.predicted)) for item in classes),
        ),
        levels=names,
        half=True,
    )


def _most_confused(classes: Classes) -> list[str]:
    """Returns the pairs of classes with the most rows that are predicted wrongly: "a as b 3"."""
    wrong = [
        (number, item.name, other.name)
        for item in classes
        for number, other in zip(item.predicted, classes, strict=True)
        if number and other is not item
    ]
    wrong.sort(key=lambda pair: -pair[0])
    return [
        f"{actual} as {predicted} {html_significant(number)}"
        for number, actual, predicted in wrong[:_MOST_CONFUSED]
    ]


def _scores(models: Mapping[str, Classes]) -> TableBlock:
    """Returns the scores of each class, those of the first model first."""
    by_class = zip(*([(name, item) for item in classes] for name, classes in models.items()), strict=True)
    rows = tuple(
        (
            f"{item.name}, {name}",
            html_significant(item.rows),
            *map(html_number, (item.precision, item.recall, item.f1, item.auc)),
        )
        for of_class in by_class
        for name, item in of_class
    )
    headers = ("class and model", "rows", "precision", "recall", "F1", "AUC against the others")
    caption = "Each class"
    summary = f"{caption}: {plural(len(rows), 'row')}" if len(rows) > _MAX_MATRIX else ""
    return TableBlock(caption, headers, rows, summary=summary)


def _matrix_table(model: str, classes: Classes) -> TableBlock:
    caption = f"Confusion matrix of the {model}, in rows"
    headers = ("class", *(f"predicted {item.name}" for item in classes))
    rows = tuple((item.name, *map(html_significant, item.predicted)) for item in classes)
    return TableBlock(caption, headers, rows, summary=caption)
