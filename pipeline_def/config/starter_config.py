"""Generates the configuration that `regpipe init` writes for a table."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from components.common.formatting import first_of
from components.config.data import DataConfig
from pipeline_def.config import config_print
from pipeline_def.config.load import Flag, PipelineConfig, load_config

if TYPE_CHECKING:
    from components.example_gen.table import TableReport

_AFFIRMATIVE = frozenset({"yes", "y", "true", "t", "1", "positive", "pos"})
_MAX_NAMED = 10

# The keys that matter first for a new table.
_FIRST_KEYS = (
    "name",
    "data.input",
    "data.label",
    "data.positive_label",
    "data.features",
    "data.ignore",
    "data.missing_values",
    "data.split.by",
    "data.split.column",
    "model.hidden_units",
    "model.l1",
    "model.l2",
    "model.dropout",
    "training.epochs",
    "training.batch_size",
    "training.learning_rate",
    "training.early_stopping",
    "evaluation.min_auc",
    "evaluation.max_auc_drop",
    "evaluation.max_log_loss_rise",
)


def starter_config(data: str, label: str) -> tuple[str, list[str]]:
    """Inspects a table and returns a configuration for it: the keys that matter first, each with its explanation.

    Every other key is at its default; reading the text back with `load_config` gives the whole configuration.

    Args:
        data: the value of data.input.
        label: the name of the column to predict.

    Returns:
        the configuration as YAML, and lines of text about what was found in the table.

    Raises:
        ConfigError: data or label is empty.
        DataRefused: a run would refuse the table: no file, no such label, no column of numbers, ...
    """
    from components.example_gen.encoding_guess import guess_encoding
    from components.example_gen.split_suggestions import suggest_splits
    from components.example_gen.table import find_table, inspect_table
    from pipeline_def.config.first_rows import first_row_warnings

    config = load_config(None, [Flag("--data", "data.input", data), Flag("--label", "data.label", label)])
    guess = guess_encoding(config.data)
    given = config.data if guess is None else config.data.model_copy(update={"encoding": guess.encoding})
    report = inspect_table(given)
    settings, notes = _suggest(given, report)
    if guess is not None:
        notes["data.encoding"] = (
            f"A guess, because the text is not UTF-8; it reads {guess.example!r}: correct it if it is wrong."
        )
    found = find_table(settings)  # a run must accept what is written
    others = [
        name
        for name in found.columns
        if name and name != label and all(name in header.columns for header in found.headers)
    ]
    splits = suggest_splits(found.headers, others, found.cells)
    if splits:
        notes["data.split.by"] = " ".join(
            f"{split.reason[0].upper()}{split.reason[1:]}. For that: {_keys(split.keys)}." for split in splits
        )
    config = config.model_copy(update={"data": settings})
    names = {*_FIRST_KEYS, *config_print.changed_keys(config)}
    text = config_print.keys_yaml(config, names, _head(config), notes)
    lines = (
        []
        if guess is None
        else _item(
            "encoding", f"{guess.encoding}, which is a guess (it reads {guess.example!r}): see data.encoding"
        )
    )
    for split in splits:
        lines += _item("split", f"{split.reason}; see data.split.by")
    suspects = [line for warning in first_row_warnings(found) for line in _item("warning", warning)]
    return text, _findings(settings, report) + suspects + lines


def _keys(keys: Mapping[str, str]) -> str:
    return ", ".join(f"data.split.{name}: {value}" for name, value in keys.items())


def _head(config: PipelineConfig) -> str:
    groups = [name for name in type(config).model_fields if name != "name"]
    return f"""\
# Written by `regpipe init`: the keys that matter first for a new table. Every other key is at its
# default. `regpipe config` prints all keys, `regpipe config GROUP` the keys of one group, which is
# one of {", ".join(groups)}.
# To change another key, add it here under its group. Then: regpipe run --config FILE"""


def _suggest(settings: DataConfig, report: "TableReport") -> tuple[DataConfig, dict[str, str]]:
    """Returns the settings for this table and, by dotted key, a remark on what was found."""
    notes = {
        "data.features": f"Found {len(report.numeric):,}: {_named(report.numeric)}.",
        "data.label": f"Found the values {_named(report.label_values)}.",
    }
    update: dict[str, object] = {}
    if report.categorical:
        update["categorical"] = report.categorical
        notes["data.categorical"] = f"Found {len(report.categorical):,}: {_named(report.categorical)}."
    if report.left_out and (report.numeric or report.categorical):
        update["ignore"] = report.left_out
        notes["data.ignore"] = "Listed here because most of their cells, or too many, are not numbers."
    if report.encoding and settings.encoding == "auto":
        update["encoding"] = report.encoding
        notes["data.encoding"] = "Found in the table."
    if report.cells.decimal != ".":
        update["decimal"] = report.cells.decimal
        notes["data.decimal"] = "Found in the table."
    if report.cells.thousands:
        update["thousands"] = report.cells.thousands
        notes["data.thousands"] = "Found in the table."
    if report.missing_texts:
        update["missing_values"] = (*settings.missing_values, *report.missing_texts)
        notes["data.missing_values"] = (
            f"Added {_named(report.missing_texts)}, found in columns of numbers: correct it if it is wrong."
        )
    if report.needs_positive_label:
        update["positive_label"] = _positive_label(report.label_values)
        notes["data.positive_label"] = (
            f"A guess from {_named(report.label_values)}: correct it if it is wrong."
        )
    return settings.model_copy(update=update), notes


def _positive_label(values: Sequence[str]) -> str:
    """Guesses which of two values, most frequent first, counts as 1: one like "yes", else the less frequent."""
    affirmative = [value for value in values if value.lower() in _AFFIRMATIVE]
    return affirmative[0] if len(affirmative) == 1 else values[-1]


def _findings(settings: DataConfig, report: "TableReport") -> list[str]:
    files = f"{len(report.files):,} files" if len(report.files) > 1 else report.files[0]
    lines = [
        f"{files} ({report.kind}): {len(report.columns):,} columns",
        *_item("label", f"{settings.label!r} with the values {_named(report.label_values)}"),
    ]
    if settings.positive_label is not None:
        lines += _item(
            "", f"{settings.positive_label!r} counts as 1, which is a guess: see data.positive_label"
        )
    lines += _item("features", f"{len(report.numeric):,}: {_named(report.numeric)}")
    if report.categorical:
        lines += _item("category", f"{len(report.categorical):,}: {_named(report.categorical)}")
    if report.missing_texts:
        lines += _item(
            "missing", f"{_named(report.missing_texts)} too, which is a guess: see data.missing_values"
        )
    for warning in report.warnings:
        lines += _item("warning", warning)
    return lines


def _item(label: str, text: str) -> list[str]:
    head = f"  {label:<8}  "
    return textwrap.wrap(
        text, 79, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )


def _named(names: Sequence[str]) -> str:
    return first_of([*map(repr, names)], _MAX_NAMED)
