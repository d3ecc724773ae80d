"""Predictions with Apache Beam, for tables that are too large for one machine, through TFX's RunInference.

Of TFX's three transforms, `RunInferenceOnKeyedBatches` is used: a block of rows is the key of its examples, so that the
probabilities are joined with all columns without a shuffle. BulkInferrer keeps only the columns in the examples, and
RunInference processes rows one by one.
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
from components.example_gen.csv_header import CsvOptions
from serving.predict.output import CSV, PARQUET, SUFFIX, OutputLayout, Scored
from serving.predict.row_batches import FilePart, RowBatch
from serving.predict.sources import RowSource, open_source

_SIGNATURE = "serving_examples"  # RunInference accepts only serialized tf.Examples.
_ROWS = "rows"
_ROWS_AT_ONCE = 2**12  # Limits memory: each row becomes a PredictionLog of more than a kilobyte.
_UNFINISHED = "beam-temp-"  # Prefix of the temporary files of Beam's sinks, which are removed at the end.
_REFUSED = re.compile(r"DataRefused: (.*?)(?: \[while running .*)?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class BeamJob:
    """The settings that every worker needs.

    Attributes:
        model: the folder of the SavedModel, accessible to every worker.
        card: the feature of each input.
        layout: the columns of the output.
        options: see `open_source`.
        kind: CSV, JSON_LINES or PARQUET.
        output: the folder to write to.
    """

    model: str
    card: Mapping[str, str]
    layout: OutputLayout
    options: CsvOptions
    kind: str
    output: str


def predict_with_beam(job: BeamJob, sources: Sequence[RowSource], beam_args: Sequence[str]) -> int:
    """Writes `part-*` files with all columns and the predictions. If it fails, it leaves no files.

    Rows keep their order within a block of the input; Beam chooses the order of blocks and files.

    Args:
        job: the settings.
        sources: the input files, all with the same columns.
        beam_args: options of the Beam pipeline, such as the runner.

    Returns:
        The number of rows.

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
    # Beam's counters count rows twice if they are processed again after a worker was lost.
    count = f"{job.output.rstrip('/')}/{_UNFINISHED}{_ROWS}"
    _ = (
        scored
        | "Rows" >> beam.MapTuple(lambda batch, _: batch.rows)
        | "Count" >> beam.CombineGlobally(sum)
        | "WriteCount" >> beam.io.WriteToText(count, shard_name_template="")
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # A runner wraps an error of a worker in its own exception.
        _remove_unfinished(job.output)
        refused = _REFUSED.search(f"{type(error).__name__}: {error}")
        if refused is None:
            raise
        raise DataRefused(refused[1]) from error
    with FileSystems.open(count) as file:
        rows = int(file.read())
    _remove_unfinished(job.output)
    return rows


def _remove_unfinished(folder: str) -> None:
    names = storage.list_folder(folder)
    FileSystems.delete([f"{folder.rstrip('/')}/{name}" for name in names if name.startswith(_UNFINISHED)])


class _Divide(beam.DoFn):  # type: ignore[misc]
    """Divides a file into parts."""

    def __init__(self, job: BeamJob) -> None:
        self._options = job.options

    def process(self, path: str) -> Iterator[tuple[str, FilePart]]:
        """Yields the file with each of its parts."""
        for part in open_source(path, self._options).parts():
            yield path, part


class _Read(beam.DoFn):  # type: ignore[misc]
    """Reads the rows of a part of a file and converts them to tf.Examples."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job

    def process(self, element: tuple[str, FilePart]) -> Iterator[tuple[RowBatch, list[bytes]]]:
        """Yields batches of rows with their examples in the same order."""
        path, block = element
        for batch in open_source(path, self._job.options).batches(block):
            for start in range(0, batch.rows, _ROWS_AT_ONCE):
                part = batch.part(start, start + _ROWS_AT_ONCE)
                yield part, self._examples(part)

    def _examples(self, batch: RowBatch) -> list[bytes]:
        columns = self._job.layout.features.inputs(batch)
        one_each: Any = pa.array(np.arange(batch.rows + 1, dtype=np.int64))
        arrays = [
            pa.array([text.encode() for text in column], pa.large_binary())
            if column.dtype == object
            else pa.array(column)
            for column in columns.values()
        ]
        lists = [pa.LargeListArray.from_arrays(one_each, array) for array in arrays]
        names = [self._job.card[name] for name in columns]
        examples: list[bytes] = example_coder.RecordBatchToExamples(pa.RecordBatch.from_arrays(lists, names))
        return examples


def _score(batch: RowBatch, logs: Sequence[Any]) -> Scored:
    outputs = np.array(
        [
            tf.make_ndarray(output).ravel()
            for log in logs
            for output in log.predict_log.response.outputs.values()
        ],
        np.float32,
    )
    # One output of each row is a vector of the rows, as in `serving_default`.
    return batch, outputs[:, 0] if outputs.shape[1] == 1 else outputs


def _writer(job: BeamJob, first: RowSource) -> beam.PTransform:
    prefix, suffix = f"{job.output.rstrip('/')}/part", SUFFIX[job.kind]
    layout = job.layout
    if job.kind == PARQUET:
        schema = layout.parquet_schema(next(iter(first.batches())))
        return beam.Map(lambda scored: layout.parquet_table(scored).cast(schema)) | WriteToParquetBatched(
            prefix, schema, file_name_suffix=suffix
        )
    lines = layout.csv_lines if job.kind == CSV else layout.json_lines
    header = layout.csv_header() if job.kind == CSV else None
    return beam.Map(lambda scored: lines(scored).encode(errors="backslashreplace")) | beam.io.WriteToText(
        prefix, file_name_suffix=suffix, header=header, coder=beam.coders.BytesCoder()
    )
