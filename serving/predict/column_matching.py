"""Matches the columns of a table with the inputs of a model."""

import re
from collections.abc import Mapping, Sequence

from components.common.errors import DataRefused
from components.common.suggestions import column_hint
from components.example_gen.input_files import quoted
from components.saved_model.input_names import input_names

_MAX_NAMED = 20


def match_columns(
    columns: Sequence[str], inputs: Sequence[str], card: Mapping[str, str], *, table: str, allow_missing: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Finds the column of each input.

    With a card, the column has the name of the input's feature, or else of the input. Without a card, it has the name
    of the input, or a name that `input_names` changes to it. What `input_names` returns for a column depends on the
    other columns, so the columns are first changed together. If the result is not exactly the model's inputs, they are
    changed one by one.

    Args:
        columns: the names of the table's columns.
        inputs: the names of the model's inputs.
        card: the feature of each input, from the model's card; empty without a card.
        table: the table's name, for messages.
        allow_missing: whether inputs, but not all of them, may have no column.

    Returns:
        The column of each input, and the inputs without a column.

    Raises:
        DataRefused: an input has no column or more than one, or the card is not the model's.
    """
    if card and set(card) != set(inputs):
        other = quoted(sorted(set(card) ^ set(inputs)))
        raise DataRefused(f"expected the card of the model, got one that differs in the inputs {other}.")
    found = _by_card(columns, card) if card else _by_name(columns, inputs, table)
    absent = tuple(name for name in inputs if name not in found)
    if absent and (not found or not allow_missing):
        others = [column for column in columns if column not in found.values()]
        advice = (
            "--allow-missing needs a column for at least one of them."
            if allow_missing
            else "--allow-missing treats all their cells as empty."
        )
        raise _missing([card.get(name, name) for name in absent], columns, (others, advice), table)
    return found, absent


def _by_card(columns: Sequence[str], card: Mapping[str, str]) -> dict[str, str]:
    available = set(columns)
    pairs = [
        (name, column) for name, feature in card.items() for column in (name, feature) if column in available
    ]
    return dict(pairs)  # The feature's name comes last, so it has priority.


def _by_name(columns: Sequence[str], inputs: Sequence[str], table: str) -> dict[str, str]:
    available = set(columns)
    found = {name: name for name in inputs if name in available}
    wanted = [name for name in inputs if name not in found]
    alone: dict[str, list[str]] = {}  # By input name: the columns that are mapped to it alone.
    for column in columns:
        if column not in found:
            alone.setdefault(input_names([column])[0], []).append(column)
    similar = {name: alone.get(name) or alone.get(re.sub(r"_[0-9]+$", "", name)) or [] for name in wanted}
    features = list(dict.fromkeys([*found, *(column for matches in similar.values() for column in matches)]))
    together = dict(zip(input_names(features), features, strict=True))
    if set(together) == set(inputs):
        return together
    for name, matches in similar.items():
        if len(matches) > 1:
            raise DataRefused(
                f"{table}: expected one column for the model's input {name!r}, found {quoted(matches)}. "
                "--card takes the model_card.json, which contains the right one."
            )
        if name in alone:
            found[name] = matches[0]
    return found


def _missing(
    names: Sequence[str], columns: Sequence[str], hints: tuple[Sequence[str], str], table: str
) -> DataRefused:
    """Returns the error for features without a column; `hints`: columns that may be meant, and what can be done."""
    others, advice = hints
    hint = column_hint(names[0], others)
    return DataRefused(
        f"{table}: expected the model's {'feature' if len(names) == 1 else 'features'} {quoted(names)}, "
        f"found only the columns {quoted(columns, _MAX_NAMED)}.{hint} {advice}"
    )
