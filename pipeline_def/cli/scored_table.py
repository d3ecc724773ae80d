"""Compares scoring data with the training data of the served model, for `regpipe drift`."""

import argparse
import sys
from typing import TYPE_CHECKING

from components.common.drift_record import DriftRecord
from components.common.errors import DataRefused
from components.common.file_names import EXTRA_FOLDER
from components.common.formatting import count, plural
from components.common.training_statistics import TrainingStatistics
from components.drift.table_comparison import compare, fewest_rows
from components.example_gen.cell_parsing import CellFormat
from components.example_gen.labels import Labels
from components.example_gen.no_rows_error import NoRows
from components.example_gen.numeric_label import NumericLabel
from components.example_gen.task_choice import Label
from pipeline_def.cli.model_tables import cell_format, hide_output, local_model, open_tables
from pipeline_def.cli.usage_errors import UsageError
from pipeline_def.terminal.prediction_progress import RowProgress
from serving.drift.scored_statistics import ComparedColumns, scored_statistics
from serving.predict.column_matching import match_columns
from serving.predict.features import FeatureColumns
from serving.predict.model_folder import CardEntries, read_card_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline_def.config.load import PipelineConfig
    from serving.drift.request_log import RequestLogSource
    from serving.predict.sources import RowSource


def compare_rows(args: argparse.Namespace, config: "PipelineConfig") -> DriftRecord:
    """Reads all rows and returns the comparison, with the notes about it.

    Raises:
        UsageError: there is no model, or its card or statistics can't be read.
        DataRefused: the rows can't be used, or are too few.
    """
    folder = local_model(args, config, "--model selects another")
    card = read_card_entries(folder)
    if not card.features:
        raise UsageError(f"{folder}: expected a model whose card lists its features, found none")
    reference = _reference(folder)
    logs: list[RequestLogSource] = []
    if args.request_log:
        logs = _open_logs(args, config, card)
        sources: Sequence[RowSource] = logs
        inputs = FeatureColumns(columns=card.features, texts=card.texts)
        columns = ComparedColumns(inputs=inputs, names=card.numbers, texts=card.categorical)
    else:
        sources = open_tables(args.inputs, config)
        columns = _columns(args, config, sources[0], card)
    try:
        with RowProgress(sys.stderr) as progress:
            new, note = scored_statistics(sources, columns, progress)
    except NoRows as error:
        if not logs:
            raise
        expected = f"expected requests to the model {args.model_name or config.name!r}, found none"
        raise DataRefused(f"{error.path}: {expected}. {_skipped(logs)}".strip()) from None
    needed = fewest_rows(reference)
    if needed is None:
        raise UsageError(
            f"{folder}: expected statistics of enough rows to compare with, found {count(reference.rows)} rows"
        )
    if new.effective_rows < needed:
        raise DataRefused(
            f"{sources[0].name}: expected at least {count(needed)} rows, found {count(new.rows)}: "
            "fewer could not differ by more than chance."
        )
    comparison = compare("served", _name(folder), reference, new)
    weight = _weight_note(card, columns)
    return DriftRecord(
        mode="refuse",
        comparisons=(comparison,),
        notes=tuple(sentence for sentence in (note, weight, _skipped(logs)) if sentence),
    )


def _reference(folder: str) -> TrainingStatistics:
    try:
        return TrainingStatistics.read(f"{folder}/{EXTRA_FOLDER}")
    except FileNotFoundError:
        raise UsageError(
            f"{folder}: expected the statistics of the model's training data, found none: an earlier version of "
            "regpipe published it, or regpipe did not; the next run publishes a model with them"
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from None


def _name(folder: str) -> str:
    last = folder.rstrip("/").rpartition("/")[2]
    return f"the training data of {f'version {last}' if last.isdigit() else folder}"


def _columns(
    args: argparse.Namespace, config: "PipelineConfig", table: "RowSource", card: CardEntries
) -> ComparedColumns:
    found, absent = match_columns(
        table.columns,
        sorted(card.features),
        card.features,
        table=table.name,
        allow_missing=args.allow_missing,
    )
    cells = cell_format(config.data, card)
    inputs = FeatureColumns(
        columns=found,
        absent=absent,
        texts=card.texts,
        cells=cells,
        booleans=frozenset(found[name] for name in found if card.features[name] in card.booleans),
        allow_missing=args.allow_missing,
    )
    labels = _labels(card, cells) if card.label in table.columns else None
    weight = card.weight if card.weight in table.columns else None
    return ComparedColumns(
        inputs=inputs, names=card.numbers, texts=card.categorical, labels=labels, weight=weight
    )


def _labels(card: CardEntries, cells: CellFormat) -> Label | None:
    """Returns how the label is read, as in training; None if the card does not say which column it is."""
    if card.label is None:
        return None
    if not card.classes:
        return NumericLabel(column=card.label, cells=cells, task_reason="")
    # A value of the label is never a missing one, as in ExampleGen.
    missing = cells.missing - {value.strip().lower() for value in card.classes}
    return Labels(column=card.label, classes=tuple(card.classes), missing=missing)


def _weight_note(card: CardEntries, columns: ComparedColumns) -> str:
    if card.weight is None or columns.weight is not None:
        return ""
    return (
        f"The training data is weighted by {card.weight!r}; these rows have no such column and count equally."
    )


def _open_logs(
    args: argparse.Namespace, config: "PipelineConfig", card: CardEntries
) -> "list[RequestLogSource]":
    from serving.predict.sources import find_inputs

    with hide_output():
        from serving.drift.request_log import RequestLogSource

    name = args.model_name or config.name
    return [RequestLogSource(path, name, card.features, card.texts) for path in find_inputs(args.inputs)]


def _skipped(logs: "list[RequestLogSource]") -> str:
    """Returns a sentence about records that were skipped; "" if there are none."""
    models, others = sum(log.other_models for log in logs), sum(log.other_requests for log in logs)
    what = [
        *([f"{plural(models, 'record')} of other models"] if models else []),
        *([f"{plural(others, 'record')} without rows for this model's signatures"] if others else []),
    ]
    return f"Skipped: {' and '.join(what)}." if what else ""
