"""Predictions with Apache Beam, for tables that outgrow a machine: TFX's RunInference, from blocks of files to files.

Of the three that TFX has, `RunInferenceOnKeyedBatches` fits: a block of rows goes along as the key of its examples, so
that their probabilities come back to all their columns without a shuffle. BulkInferrer keeps no column but the
examples' own, and RunInference alone would send each row around one by one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.options.pipeline_options import PipelineOptions
from tfx_bsl.coders import example_coder
from tfx_bsl.public.beam.run_inference import RunInferenceOnKeyedBatches
from tfx_bsl.public.proto import model_spec_pb2

from components.common import storage
from components.common.errors import DataRefused
from serving.client.predictor import OUTPUT
from serving.predict.output import CSV, PARQUET, SUFFIX, OutputLayout, Scored
from serving.predict.row_batches import FilePart, RowBatch
from serving.predict.sources import RowSource, open_source

_SIGNATURE = "serving_examples"  # RunInference takes serialized tf.Examples only
_ROWS = "rows"
_ROWS_AT_ONCE = 2**12  # each becomes a PredictionLog, which takes a kilobyte and more
_UNFINISHED = "beam-temp-"  # what Beam's sinks write to before they rename; what begins so does not stay
_REFUSED = re.compile(r"DataRefused: (.*?)(?: \[while running .*)?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class BeamJob:
    """What every worker needs.

    Attributes:
        model: the folder of the SavedModel, where every worker finds it.
        card: each input's feature.
        layout: what is in a row of the output.
        delimiter: see `open_source`.
        kind: CSV, JSON_LINES or PARQUET.
        output: the folder for the files.
    """

    model: str
    card: Mapping[str, str]
    layout: OutputLayout
    delimiter: str
    kind: str
    output: str


def predict_with_beam(job: BeamJob, sources: Sequence[RowSource], beam_args: Sequence[str]) -> int:
    """Writes `part-*` files with all columns and the probability. Nothing is kept of a run that failed.

    Rows keep their order within a block of the input; the order of the blocks and files is Beam's.

    Args:
        job: what to do.
        sources: files; all have the columns of the first.
        beam_args: options of the pipeline, the runner among them.

    Returns:
        How many rows there were.

    Raises:
        DataRefused: a row can't be used.
    """
    options = PipelineOptions(list(beam_args), save_main_session=False)
    pipeline = beam.Pipeline(options=options)
    spec = model_spec_pb2.InferenceSpecType(
        saved_model_spec=model_spec_pb2.SavedModelSpec(model_path=job.model, signature_name=[_SIGNATURE])
    )
    scored = (
        pipeline
        | "Files" >> beam.Create([source.name for source in sources])
        | "ShareFiles" >> beam.Reshuffle()
        | "Divide" >> beam.ParDo(_Divide(job))
        | "ShareBlocks" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(_Read(job)).with_output_types(tuple[Any, list[bytes]])
        | "Predict" >> RunInferenceOnKeyedBatches(spec)
        | "Score" >> beam.MapTuple(_score)
    )
    _ = scored | "Write" >> _writer(job, sources[0])
    # Beam's counters count what was done, also what a worker that was lost had to do again.
    count = f"{job.output.rstrip('/')}/{_UNFINISHED}{_ROWS}"
    _ = (
        scored
        | "Rows" >> beam.MapTuple(lambda batch, _: batch.rows)
        | "Count" >> beam.CombineGlobally(sum)
        | "WriteCount" >> beam.io.WriteToText(count, shard_name_template="")
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # a runner wraps what a worker raised in an exception of its own
        _clear_away(job.output)
        refused = _REFUSED.search(f"{type(error).__name__}: {error}")
        if refused is None:
            raise
        raise DataRefused(refused[1]) from error
    with FileSystems.open(count) as file:
        rows = int(file.read())
    _clear_away(job.output)
    return rows


def _clear_away(folder: str) -> None:
    names = storage.list_folder(folder)
    FileSystems.delete([f"{folder.rstrip('/')}/{name}" for name in names if name.startswith(_UNFINISHED)])


class _Divide(beam.DoFn):  # type: ignore[misc]
    """From a file to its parts."""

    def __init__(self, job: BeamJob) -> None:
        self._delimiter = job.delimiter

    def process(self, path: str) -> Iterator[tuple[str, FilePart]]:
        """The file and each part."""
        for part in open_source(path, self._delimiter).parts():
            yield path, part


class _Read(beam.DoFn):  # type: ignore[misc]
    """From a part of a file to its rows and their tf.Examples."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job

    def process(self, element: tuple[str, FilePart]) -> Iterator[tuple[RowBatch, list[bytes]]]:
        """Some rows and, in the same order, their examples."""
        path, block = element
        for batch in open_source(path, self._job.delimiter).batches(block):
            for start in range(0, batch.rows, _ROWS_AT_ONCE):
                part = batch.part(start, start + _ROWS_AT_ONCE)
                yield part, self._examples(part)

    def _examples(self, batch: RowBatch) -> list[bytes]:
        columns = self._job.layout.features.numbers(batch)
        one_each: Any = pa.array(np.arange(batch.rows + 1, dtype=np.int64))
        lists = [pa.LargeListArray.from_arrays(one_each, pa.array(column)) for column in columns.values()]
        names = [self._job.card[name] for name in columns]
        examples: list[bytes] = example_coder.RecordBatchToExamples(pa.RecordBatch.from_arrays(lists, names))
        return examples


def _score(batch: RowBatch, logs: Sequence[Any]) -> Scored:
    outputs = [tf.make_ndarray(log.predict_log.response.outputs[OUTPUT]).item() for log in logs]
    return batch, np.array(outputs, np.float32)


def _writer(job: BeamJob, first: RowSource) -> beam.PTransform:
    prefix, suffix = f"{job.output.rstrip('/')}/part", SUFFIX[job.kind]
    layout = job.layout
    if job.kind == PARQUET:
        batch = next(iter(first.batches()))
        schema = layout.parquet_table((batch, np.zeros(batch.rows, np.float32))).schema
        return beam.Map(lambda scored: layout.parquet_table(scored).cast(schema)) | WriteToParquetBatched(
            prefix, schema, file_name_suffix=suffix
        )
    lines = layout.csv_lines if job.kind == CSV else layout.json_lines
    header = layout.csv_header() if job.kind == CSV else None
    return beam.Map(lambda scored: lines(scored).encode(errors="backslashreplace")) | beam.io.WriteToText(
        prefix, file_name_suffix=suffix, header=header, coder=beam.coders.BytesCoder()
    )
