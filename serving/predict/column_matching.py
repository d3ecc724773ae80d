"""Matches the columns of a table with the inputs of a model."""

import re
from collections.abc import Mapping, Sequence

from components.common.errors import DataRefused
from components.common.suggestions import closest
from components.example_gen.input_files import quoted
from components.saved_model.input_names import input_names

_MAX_NAMED = 20


def match_columns(
    columns: Sequence[str], inputs: Sequence[str], card: Mapping[str, str], *, table: str, allow_missing: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Finds the column of each input.

    With a card, the column has the name of the input's feature, or else of the input. Without a card, it has the name
    of the input, or a name that `input_names` changes to it. If a set of columns maps to exactly the model's inputs,
    that set is used; otherwise the only column that maps to the input by itself.

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
        raise _missing([card.get(name, name) for name in absent], columns, others, table)
    return found, absent


def _by_card(columns: Sequence[str], card: Mapping[str, str]) -> dict[str, str]:
    there = set(columns)
    pairs = [
        (name, column) for name, feature in card.items() for column in (name, feature) if column in there
    ]
    return dict(pairs)  # The feature's name comes last and wins.


def _by_name(columns: Sequence[str], inputs: Sequence[str], table: str) -> dict[str, str]:
    there = set(columns)
    found = {name: name for name in inputs if name in there}
    wanted = [name for name in inputs if name not in found]
    alone: dict[str, list[str]] = {}  # For each input name, the columns that map to it by themselves.
    for column in columns:
        if column not in found:
            alone.setdefault(input_names([column])[0], []).append(column)
    alike = {name: alone.get(name) or alone.get(re.sub(r"_[0-9]+$", "", name)) or [] for name in wanted}
    features = list(dict.fromkeys([*found, *(column for some in alike.values() for column in some)]))
    together = dict(zip(input_names(features), features, strict=True))
    if set(together) == set(inputs):
        return together
    for name, some in alike.items():
        if len(some) > 1:
            raise DataRefused(
                f"{table}: expected one column for the model's input {name!r}, found {quoted(some)}. "
                "--card takes the model_card.json that names the right one."
            )
        if name in alone:
            found[name] = some[0]
    return found


def _missing(names: Sequence[str], columns: Sequence[str], others: Sequence[str], table: str) -> DataRefused:
    meant = closest(names[0], others)
    hint = f" Did you mean {meant!r}?" if meant else ""
    return DataRefused(
        f"{table}: expected the model's {'feature' if len(names) == 1 else 'features'} {quoted(names)}, "
        f"found only the columns {quoted(columns, _MAX_NAMED)}.{hint} "
        "--allow-missing predicts without, as if all their cells were empty."
    )
