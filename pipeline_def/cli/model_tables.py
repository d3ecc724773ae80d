"""Finds the model and opens the tables of the commands that read scoring data: `predict` and `drift`."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_def.cli.runs_location import location_hint
from pipeline_def.cli.usage_errors import UsageError

if TYPE_CHECKING:
    from components.config.data import DataConfig
    from components.example_gen.cell_parsing import CellFormat
    from pipeline_def.config.load import PipelineConfig
    from serving.predict.model_folder import CardEntries
    from serving.predict.sources import RowSource


def open_tables(inputs: Sequence[str], config: "PipelineConfig") -> "list[RowSource]":
    """Opens the files of one table. Prints which files are skipped, because they have no rows.

    Args:
        inputs: files, folders, globs or -.
        config: `data` says how text is read.

    Raises:
        DataRefused: a file can't be read, or the columns of the files differ.
    """
    from components.example_gen.csv_header import CsvOptions
    from components.example_gen.no_rows_error import open_with_rows
    from serving.predict.add_probabilities import check_columns
    from serving.predict.sources import find_inputs, open_source

    options = CsvOptions.of(config.data)
    sources, skipped = open_with_rows(find_inputs(inputs), lambda path: open_source(path, options))
    check_columns(sources)
    if skipped:
        print(f"regpipe: {skipped}", file=sys.stderr)
    return sources


def local_model(args: argparse.Namespace, config: "PipelineConfig", others: str) -> str:
    """Returns the folder of the SavedModel that --model names, or that is published.

    Args:
        args: with `model` and `root`.
        config: where runs publish.
        others: which options select another model, for the message.

    Raises:
        UsageError: there is no model.
    """
    from pipeline_def.config.destination import destination
    from serving.client.exceptions import ModelNotFound
    from serving.predict.model_folder import find_model

    try:
        return find_model(args.model or destination(config, args.root).directory)
    except ModelNotFound as error:
        advice = "" if args.model else f" `regpipe run` publishes one; {others}.{location_hint(args)}"
        raise UsageError(f"{error}{advice}") from None


@contextlib.contextmanager
def hide_output() -> Iterator[None]:
    """Hides what TensorFlow prints about CPU and GPU; none of its settings turns all of that off."""
    from pipeline_def.terminal.output_capture import OutputCapture

    with tempfile.TemporaryDirectory() as scratch, OutputCapture(Path(scratch) / "tensorflow.log"):
        yield


def cell_format(settings: "DataConfig", card: "CardEntries") -> "CellFormat":
    """Returns how the cells are written: as the configuration says, and as in training where it says nothing."""
    from components.example_gen.cell_parsing import PLAIN, CellFormat, missing_markers

    trained = card.cells
    if trained is None or "missing_values" in settings.model_fields_set:
        missing = missing_markers(settings.missing_values)
    else:
        missing = trained.missing
    trained = trained or PLAIN
    decimal = trained.decimal if settings.decimal == "auto" else settings.decimal
    thousands = trained.thousands if settings.thousands == "auto" else settings.thousands
    return CellFormat(missing=missing, decimal=decimal, thousands="" if thousands == decimal else thousands)
