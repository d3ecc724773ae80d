"""Compares the columns and the label of a table with those that the served model was trained on.

It replaces a schema where none is configured: an inferred schema describes the very table that it checks, so a column
that vanished or became text would only be left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.common.formatting import aligned_columns, first_of
from components.common.ingest_record import IngestRecord
from components.common.label_values import canonical
from components.drift.drift_settings import DriftSettings
from components.saved_model.card_columns import CardColumns, CardLabel

_NUMERIC, _CATEGORICAL = "a feature of numbers", "a categorical feature"
_HEADER = ("column", "expected", "found")
_SHOWN = 5
_WAYS = (
    "To leave a feature out, add it to data.ignore.\n"
    "If the table is meant to differ: `regpipe schema freeze` writes the schema of this table. Check it, and set\n"
    "data.schema_file to it: then it counts, and not the served model. A model that predicts something else belongs\n"
    "into another folder (serving.directory)."
)


def refusal(card: Mapping[str, Any], version: str, ingest: IngestRecord, settings: DriftSettings) -> str:
    """Returns how the table differs from the one that the served model was trained on; "" if it does not.

    Features that the table has in addition are allowed, and so is a feature that the configuration leaves out.

    Args:
        card: the model card of the served model; without its inputs and label, nothing is compared.
        version: the served version in words.
        ingest: the ingest record of the table.
        settings: data.features and data.ignore.
    """
    columns = CardColumns.of(card)
    rows = [*_label(columns.label, ingest), *_features(columns, ingest, settings)] if columns else []
    if not rows:
        return ""
    return (
        f"The table differs from the one that {version} was trained on:\n"
        f"{aligned_columns([_HEADER, *rows])}\n{_WAYS}"
    )


def _label(label: CardLabel, ingest: IngestRecord) -> Iterator[Sequence[str]]:
    if label.name != ingest.label:
        yield ingest.label, f"the label {label.name!r} (data.label)", f"the label {ingest.label!r}"
        return
    expected, found = label.classes, ingest.classes
    if [*map(canonical, expected)] != [*map(canonical, found)]:
        yield ingest.label, f"the label values {_values(expected)}", _values(found)


def _values(values: Sequence[str]) -> str:
    if not values:
        return "a number"
    return (
        f"{values[0]!r} and {values[1]!r} (1)" if len(values) == 2 else first_of([*map(repr, values)], _SHOWN)
    )


def _features(columns: CardColumns, ingest: IngestRecord, settings: DriftSettings) -> Iterator[Sequence[str]]:
    for described in columns.inputs:
        name = described.feature
        wanted = name not in settings.ignore and (not settings.features or name in settings.features)
        same_kind = name in ingest.features and (name in ingest.categorical) is described.is_categorical
        if wanted and not same_kind:
            yield name, _CATEGORICAL if described.is_categorical else _NUMERIC, _found(name, ingest)


def _found(name: str, ingest: IngestRecord) -> str:
    if name in (ingest.label, ingest.weight):
        return "the label" if name == ingest.label else "the weight"
    if name in ingest.features:
        return _CATEGORICAL if name in ingest.categorical else _NUMERIC
    if name in ingest.empty:
        return "no value in any row"
    return "text, or too few numbers" if name in ingest.left_out else "no such column"
