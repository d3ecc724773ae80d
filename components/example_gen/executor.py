"""Converts a table to tf.Examples: plans blocks, converts them with Beam, adds up the counts."""

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
        """Overrides TFX's method.

        Raises:
            DataRefused: the table can't be used, too many of its rows are rejected, or it changed while it was read.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        properties = self._properties(exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        table = find_table(properties.settings)
        for warning in table.warnings:
            _PROGRESS.warning(warning)
        if not table.labels.classes:
            _PROGRESS.info("task %s: %s", table.labels.task.name, table.labels.task_reason)
        plan = block_plan.plan_blocks(table)
        if plan.digest != exec_properties.get(utils.FINGERPRINT_PROPERTY_NAME, plan.digest):
            raise block_plan.file_changed_error(properties.settings.input)
        job = ConversionJob(
            table, properties.settings, artifact.uri.rstrip("/"), len(plan.blocks), plan.most_rows
        )
        artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
        with _ProgressReporter(job), self._make_beam_pipeline() as pipeline:
            # Create distributes the blocks by a Reshuffle. With a second one, Spark could not recompute the
            # data of a lost worker.
            _ = pipeline | "Blocks" >> beam.Create(plan.blocks) | "Convert" >> beam.ParDo(ConvertBlock(job))
        totals = write_ingest_report(job, plan.digest, properties.rejected_dir)
        for warning in totals.data_warnings():
            _PROGRESS.warning(warning)
        for split in SPLITS:
            if not totals.rows[split]:
                # Readers fail on a split without files. With an empty file, DataGate reports the problem instead.
                storage.write(shards.shard_path(job.uri, split, 0, job.blocks), b"")
        examples_utils.set_payload_format(artifact, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        _PROGRESS.info("%s rows", f"{sum(totals.rows.values()):,}")

    def _properties(self, exec_properties: dict[str, Any]) -> ExampleGenProperties:
        key = standard_component_specs.CUSTOM_CONFIG_KEY
        node = self._context.pipeline_node if self._context else None
        if node is None:
            return ExampleGenProperties.unpack(exec_properties[key])
        # The driver removed the paths from exec_properties, because they must not be part of the cache's key.
        return ExampleGenProperties.unpack(node.parameters.parameters[key].field_value.string_value)


class _ProgressReporter:
    """Logs the number of converted rows. It reads the block reports, so it also counts rows of remote workers."""

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
        reports, seen = f"{self._job.uri}/{shards.BLOCK_REPORTS}", dict[str, int]()
        while not self._done.wait(_SECONDS_BETWEEN_REPORTS):
            for name in storage.list_folder(reports):
                if name.endswith(".json") and name not in seen:
                    report = json.loads(storage.read(f"{reports}/{name}"))
                    seen[name] = sum(report["rows"].values()) + report["rejected"]
            _PROGRESS.info("%s rows, %d of %d blocks", f"{sum(seen.values()):,}", len(seen), self._job.blocks)
