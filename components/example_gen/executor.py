"""Turns a table into tf.Examples: plans blocks, has Beam convert them, adds up what came of it."""

import json
import logging
import threading
from types import TracebackType
from typing import Any

import apache_beam as beam
from tfx import types
from tfx.components.example_gen import utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs

from components.common import storage
from components.config.data import SPLITS
from components.example_gen import block_plan, shards
from components.example_gen.exec_properties import ExampleGenProperties
from components.example_gen.ingest_report import write_ingest_report
from components.example_gen.shards import ConversionJob, ConvertBlock
from components.example_gen.table import find_table

_PROGRESS = logging.getLogger("regpipe.progress")
_SECONDS_BETWEEN_REPORTS = 2.0


class ExampleGenExecutor(base_beam_executor.BaseBeamExecutor):  # type: ignore[misc]
    """Writes the splits, `ingest.json` and `rejected_rows.jsonl` into the examples artifact."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Overrides TFX's.

        Raises:
            DataRefused: the table can't be used, too many of its rows are bad, or it changed while it was
            read.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        request = self._request(exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        table = find_table(request.settings)
        for warning in table.warnings:
            _PROGRESS.warning(warning)
        planned = block_plan.plan_blocks(table)
        if planned.digest != exec_properties.get(utils.FINGERPRINT_PROPERTY_NAME, planned.digest):
            raise block_plan.changed(request.settings.input)
        job = ConversionJob(table, request.settings, artifact.uri.rstrip("/"), len(planned.blocks))
        artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
        with _ProgressReporter(job), self._make_beam_pipeline() as pipeline:
            # Create shares the blocks out by a Reshuffle of its own. Of two in a row, Spark could not make again what a
            # lost worker had.
            _ = (
                pipeline
                | "Blocks" >> beam.Create(planned.blocks)
                | "Convert" >> beam.ParDo(ConvertBlock(job))
            )
        outcome = write_ingest_report(job, planned.digest, request.rejected_dir)
        for split in SPLITS:
            if not outcome.rows[split]:
                # A reader of a split without any file fails; the gate has a better sentence for it.
                storage.write(shards.shard_path(job.uri, split, 0, job.blocks), b"")
        examples_utils.set_payload_format(artifact, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        _PROGRESS.info("%s rows", f"{sum(outcome.rows.values()):,}")

    def _request(self, exec_properties: dict[str, Any]) -> ExampleGenProperties:
        key = standard_component_specs.CUSTOM_CONFIG_KEY
        node = self._context.pipeline_node if self._context else None
        if node is None:
            return ExampleGenProperties.unpack(exec_properties[key])
        # The driver took what must not be part of the cache's key out of exec_properties.
        return ExampleGenProperties.unpack(node.parameters.parameters[key].field_value.string_value)


class _ProgressReporter:
    """Reports how many rows are done, read off the notes that the workers leave, wherever these run."""

    def __init__(self, job: ConversionJob) -> None:
        self._job = job
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        notes, seen = f"{self._job.uri}/{shards.NOTES}", dict[str, int]()
        while not self._done.wait(_SECONDS_BETWEEN_REPORTS):
            for name in storage.list_folder(notes):
                if name.endswith(".json") and name not in seen:
                    note = json.loads(storage.read(f"{notes}/{name}"))
                    seen[name] = sum(note["rows"].values()) + note["rejected"]
            _PROGRESS.info("%s rows, %d of %d blocks", f"{sum(seen.values()):,}", len(seen), self._job.blocks)
