"""Checks by its card whether a served model can be compared with a candidate on the examples of a run."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from components.common.formatting import first_of
from components.common.ingest_record import IngestRecord
from components.common.label_values import canonical
from components.common.served_record import Outcome, ServedReference
from components.common.split_record import SplitRecord
from components.common.verdict_record import ComparedMetric
from components.saved_model.card_columns import CardColumns
from components.saved_model.card_file import Card
from components.served_model.served_version import ServedVersion
from components.tasks.binary import BINARY
from components.tasks.known_tasks import task_of

_MAX_NAMES = 5


def reference(served: ServedVersion, digest: str, ingest: IngestRecord) -> ServedReference:
    """Returns the reference that a served model is, on these examples.

    Args:
        served: the served model.
        digest: the `model_digest` of its files, as they were copied.
        ingest: the ingest record of the examples.
    """
    outcome, problems = _outcome(served, digest, ingest)
    published_by = served.published_by
    person = served.card.get(published_by)
    person = person if isinstance(person, dict) else {}
    loss = _published_loss(served.card, task_of(ingest.task).loss)
    return ServedReference(
        outcome=outcome,
        version=served.version,
        digest=digest,
        published_by=published_by,
        by=person.get("by"),
        at=person.get("at"),
        reason=person.get("reason"),
        problems=tuple(problems),
        loss=loss.candidate,
        loss_interval=loss.interval.candidate if loss.interval else None,
    )


def _published_loss(card: Card, name: str) -> ComparedMetric:
    """Returns the loss in the card; undefined if it has none, as that of a model published by hand may."""
    try:
        return ComparedMetric.model_validate(card["evaluation"]["metrics"][name])
    except (KeyError, TypeError, ValidationError):
        return ComparedMetric(candidate=None)


def _outcome(served: ServedVersion, digest: str, ingest: IngestRecord) -> tuple[Outcome, list[str]]:
    if served.damage is not None:
        return "damaged", [served.damage.rstrip(".")]
    columns = CardColumns.of(served.card)
    if columns is None:
        return "damaged", ["it has no model card with its features and its label"]
    if served.card.get("digest", digest) != digest:
        return "damaged", [
            "its files are not those that were published: they have another digest than the one in its card"
        ]
    if differences := list(_incompatible(served.card, columns, ingest)):
        return "incompatible", differences
    if differences := list(_other_split(served.card, ingest)):
        return "other_split", differences
    return "compared", []


def _incompatible(card: Card, columns: CardColumns, ingest: IngestRecord) -> Iterator[str]:
    task = card.get("task", BINARY.name)  # Older cards have no task; all were of this one.
    if task != ingest.task:
        yield f"its task is {task!r}, not {ingest.task!r}"
    label, features = columns.label, [described.feature for described in columns.inputs]
    if label.name != ingest.label:
        yield f"its label is {label.name!r}, not {ingest.label!r}"
    yield from _other_classes(label.classes, ingest.classes)
    if missing := [name for name in features if name not in set(ingest.features)]:
        yield f"the examples lack its features {first_of([*map(repr, missing)], _MAX_NAMES)}"
    for texts, kind in ((True, "categorical"), (False, "numeric")):
        other = [
            described.feature
            for described in columns.inputs
            if described.feature in ingest.features
            and described.is_categorical is texts
            and (described.feature in ingest.categorical) is not texts
        ]
        if other:
            yield f"its features {first_of([*map(repr, other)], _MAX_NAMES)} are {kind}, those of the examples are not"


def _other_classes(of_model: Sequence[str], of_table: Sequence[str]) -> Iterator[str]:
    if len(of_model) == len(of_table) == 2:
        for sign, value, other in zip(("positive", "negative"), of_model[::-1], of_table[::-1], strict=True):
            if canonical(value) != canonical(other):
                yield f"its {sign} label value is {value!r}, not {other!r}"
        return
    known, found = [*map(canonical, of_model)], [*map(canonical, of_table)]
    lost = [value for value in of_model if canonical(value) not in found]
    added = [value for value in of_table if canonical(value) not in known]
    if lost:
        yield f"the label does not have its classes {first_of([*map(repr, lost)], _MAX_NAMES)}"
    if added:
        yield f"it does not know the classes {first_of([*map(repr, added)], _MAX_NAMES)} of the label"


def _other_split(card: Card, ingest: IngestRecord) -> Iterator[str]:
    try:
        trained_on = SplitRecord.model_validate((card.get("data") or {}).get("split"))
    except ValidationError:
        yield "its card does not say how the rows that it was trained on were split"
        return
    if ingest.split is None:
        yield "the ingest record does not say how the rows were split"
        return
    for difference in trained_on.differences(ingest.split):
        yield f"the rows that it was trained on were split otherwise: {difference}"
