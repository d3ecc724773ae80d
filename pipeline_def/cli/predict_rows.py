"""Predicts the rows of `regpipe predict`: in this process, with a server, or with Beam.

With a server, TensorFlow is not imported.
"""

import argparse
import contextlib
import dataclasses
import itertools
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from components.common.formatting import duration
from pipeline_def.cli.model_tables import cell_format, hide_output, local_model, open_tables
from pipeline_def.cli.predict_values import bearer_token, output_format, parse_row
from pipeline_def.cli.usage_errors import UsageError

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig
    from serving.client.predictor import Client, Predictor
    from serving.predict.added_columns import AddedColumn, DecisionColumn
    from serving.predict.model_folder import CardEntries
    from serving.predict.output import OutputLayout
    from serving.predict.sources import RowSource

_TWO = 2  # classes, of which one counts as positive
_REMOTE_ROWS, _LOCAL_ROWS = 1_024, 8_192  # rows in a request


def write_predictions(args: argparse.Namespace, config: "PipelineConfig") -> int:
    """Predicts in this process, with a SavedModel or a server; returns the exit code."""
    from pipeline_def.terminal.prediction_progress import RowProgress
    from serving.predict.add_probabilities import score_rows
    from serving.predict.output import output_file, write_rows

    sources = _sources(args, config)
    predictor, card = _predictor(args, config)
    with contextlib.closing(predictor), RowProgress(sys.stderr) as progress:
        if not card.features:
            card = _completed(card, predictor)
        layout = _layout(args, config, sources[0], predictor.input_names(), card)
        size = args.batch_size or (_REMOTE_ROWS if args.endpoint else _LOCAL_ROWS)
        scores = score_rows(predictor, sources, layout.features, size, progress, layout.classes)
        try:
            if args.output is None:
                write_rows(output_format(args), _standard_output(), layout, scores)
                return 0
            with output_file(Path(args.output)) as file:
                rows = write_rows(output_format(args), file, layout, scores)
        except BrokenPipeError:
            raise
        except OSError as error:
            where = args.output or "standard output"
            print(f"regpipe: {where} can't be written: {error}", file=sys.stderr)
            return 1
    print(f"Wrote {args.output}: {rows:,} rows in {duration(progress.elapsed)}.")
    return 0


def _standard_output() -> BinaryIO:
    """Returns the binary stream of standard output; a terminal gets no control characters of the table."""
    from pipeline_def.terminal.control_characters import EscapingBytes

    stream = sys.stdout.buffer
    return cast(BinaryIO, EscapingBytes(stream)) if sys.stdout.isatty() else stream


def write_predictions_with_beam(args: argparse.Namespace, config: "PipelineConfig") -> int:
    """Predicts with Beam, into a folder of files; returns the exit code."""
    from components.common import storage

    if storage.exists(args.output) and (
        not storage.is_folder(args.output) or storage.list_folder(args.output)
    ):
        raise UsageError(f"-o: expected an empty folder, or a path that does not exist, got {args.output!r}")
    sources = _sources(args, config)
    folder, card = _local(args, config)
    if not card.features:
        raise UsageError(
            f"{folder}: expected a model whose card lists its features; --card gives another card"
        )
    layout = _layout(args, config, sources[0], sorted(card.features), card)
    files = "1 file" if len(sources) == 1 else f"{len(sources):,} files"
    print(f"regpipe: predicting {files} with Beam", file=sys.stderr)
    began = time.monotonic()
    with hide_output():
        from components.example_gen.csv_header import CsvOptions
        from serving.predict.beam_batch import BeamJob, predict_with_beam

        job = BeamJob(
            model=folder,
            card=card.features,
            layout=layout,
            options=CsvOptions.of(config.data),
            kind=args.format or "csv",
            output=args.output,
        )
        rows = predict_with_beam(job, sources, config.beam_args())
    print(f"Wrote {args.output}: {rows:,} rows in {duration(time.monotonic() - began)}.")
    return 0


def _sources(args: argparse.Namespace, config: "PipelineConfig") -> "list[RowSource]":
    from serving.predict.sources import CommandLineRows

    if args.row:
        return [CommandLineRows([parse_row(cells) for cells in args.row])]
    return open_tables(args.inputs, config)


def _predictor(args: argparse.Namespace, config: "PipelineConfig") -> "tuple[Predictor, CardEntries]":
    """Returns a client of the server or a model in this process, and its card."""
    if args.endpoint:
        return _client(args, config), _card(args)
    folder, card = _local(args, config)
    with hide_output():
        from serving.predict.local_model import LocalModel

        return LocalModel(folder), card


def _completed(card: "CardEntries", predictor: "Predictor") -> "CardEntries":
    """Returns the entries without a card, with what the model itself says of its inputs and outputs."""
    from serving.client.predictor import PROBABILITIES

    card = dataclasses.replace(card, texts=predictor.text_inputs())
    classes = predictor.classes()
    return dataclasses.replace(card, classes=classes, output=PROBABILITIES) if classes else card


def _client(args: argparse.Namespace, config: "PipelineConfig") -> "Client":
    from serving.client.connect import connect
    from serving.client.endpoint import Tls
    from serving.client.retries import RetryPolicy

    token = bearer_token()
    try:
        return connect(
            args.endpoint,
            model=args.model_name or config.name,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            retry_policy=RetryPolicy(timeout=args.timeout, attempts=args.retries + 1),
            tls=Tls(ca=args.ca_file),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"--ca-file: {args.ca_file} can't be read: {_reason(error)}") from None


def _local(args: argparse.Namespace, config: "PipelineConfig") -> "tuple[str, CardEntries]":
    """Returns the folder of a SavedModel, and its card."""
    from serving.predict.model_folder import read_card_entries

    folder = local_model(args, config, "--model and --endpoint select others")
    return folder, _card(args) if args.card else read_card_entries(folder)


def _card(args: argparse.Namespace) -> "CardEntries":
    from serving.predict.model_folder import CardEntries, load_card_entries

    if args.card is None:
        return CardEntries()

    try:
        return load_card_entries(args.card)
    except OSError as error:
        raise UsageError(f"--card: {args.card} can't be read: {_reason(error)}") from None
    except ValueError as error:
        raise UsageError(f"--card: {error}") from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _layout(
    args: argparse.Namespace,
    config: "PipelineConfig",
    source: "RowSource",
    inputs: list[str],
    card: "CardEntries",
) -> "OutputLayout":
    from components.common.errors import DataRefused
    from serving.client.predictor import PROBABILITIES
    from serving.predict.column_matching import match_columns
    from serving.predict.features import FeatureColumns
    from serving.predict.output import OutputLayout, duplicate_column_message

    columns, absent = match_columns(
        source.columns, inputs, card.features, table=source.name, allow_missing=args.allow_missing
    )
    features = FeatureColumns(
        columns=columns,
        absent=absent,
        texts=card.texts,
        cells=cell_format(config.data, card),
        booleans=frozenset(columns[name] for name in columns if card.features.get(name) in card.booleans),
        allow_missing=args.allow_missing,
    )
    layout = OutputLayout(
        columns=source.columns,
        added=_added(args, card, columns.values()),
        features=features,
        classes=len(card.classes) if card.output == PROBABILITIES else None,
        csv_safe=args.csv_safe,
    )
    names = [column.name for column in layout.added]
    for column in layout.added:
        if names.count(column.name) > 1:
            raise UsageError(
                f"{column.option}: expected a name for each new column, got {column.name!r} twice"
            )
    for column in layout.added:
        if column.name in source.columns:
            raise DataRefused(f"{source.name}: {duplicate_column_message(column)}")
    return layout


def _added(
    args: argparse.Namespace, card: "CardEntries", features: Collection[str]
) -> "tuple[AddedColumn, ...]":
    """Returns the columns that are added, in their order."""
    from serving.client.predictor import PROBABILITIES
    from serving.predict.added_columns import OutputColumn, class_columns

    decision = _decision(args, card, features)
    if card.output == PROBABILITIES:
        column = args.column or _free_name("prediction", features)
        probability = args.probability_column or _free_name("probability", features)
        return class_columns(column, probability, card.classes, each=args.probabilities)
    for option, given in (
        ("probabilities", args.probabilities),
        ("probability-column", args.probability_column),
    ):
        if given:
            raise UsageError(
                f"--{option}: expected a model of several classes, got one whose output is {card.output}"
            )
    output = OutputColumn(name=args.column or _free_name(card.output, features))
    return (output, *([decision] if decision else []))


def _decision(
    args: argparse.Namespace, card: "CardEntries", features: Collection[str]
) -> "DecisionColumn | None":
    """Returns the column with the decisions; None without --threshold and without an operating point in the card."""
    from serving.predict.added_columns import DecisionColumn

    threshold = card.threshold if args.threshold is None else args.threshold
    if threshold is None:
        return None
    if len(card.classes) != _TWO:
        what = f"one of {len(card.classes)} classes" if card.classes else "a number and no classes"
        raise UsageError(f"--threshold: expected none, because the model predicts {what}, got {threshold:g}")
    negative, positive = card.classes
    name = args.decision_column or _free_name("decision", features)
    return DecisionColumn(name=name, threshold=threshold, negative=negative, positive=positive)


def _free_name(name: str, features: Collection[str]) -> str:
    """Returns the name of an added column: with a number if a feature of the model has it."""
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(free for free in names if free not in features)
