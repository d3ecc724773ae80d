"""Reads and writes the records of runs in the metadata store."""

import contextlib
import dataclasses
import datetime
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.pusher.publication import Destination
from pipeline_def.runs.damaged_store import DamagedStore, check_store
from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.runs.summary import Override, RunRecord
from pipeline_def.steps import LAST

COMPLETED_STATES = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
_STATUS, _VERSION, _PATH = "regpipe_status", "regpipe_pushed_version", "regpipe_pushed_path"
_DESTINATION = "regpipe_destination"  # a Destination as JSON
_OVERRIDE = "regpipe_blessed_"  # by, at, reason, run


class NoSuchRun(LookupError):
    """The metadata store has no such run, or the run lacks the requested artifact."""


@dataclasses.dataclass(frozen=True)
class RunStore:
    """A metadata store, with access by the ids of runs.

    Attributes:
        store: the store.
        pipeline: the name of the pipeline whose runs are listed, because pipelines may share a store; None: all.
    """

    store: MetadataStore
    pipeline: str | None = None

    @classmethod
    def open(cls, root: Path) -> "RunStore":
        """Opens the store of the local runner under a root.

        Raises:
            NoSuchRun: there is no store yet.
            DamagedStore: its file is damaged.
        """
        path = root / STORE_FILE
        if not path.exists():
            raise NoSuchRun(f"{root}: no run yet (expected {path}).")
        check_store(path)
        sqlite = mlmd.SqliteMetadataSourceConfig(filename_uri=str(path))
        try:
            return cls(MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite)))
        except RuntimeError as error:  # for example, tables are missing
            raise DamagedStore(path, str(error).partition("\n")[0]) from error

    def run_contexts(self) -> list[mlmd.Context]:
        """Returns the contexts of the runs, in the order in which the store registered them.

        Not in the order of their times: the clock of the machine may have been set back.
        """
        contexts: list[mlmd.Context] = list(self.store.get_contexts_by_type("pipeline_run"))
        if self.pipeline is not None:
            pipeline = self.store.get_context_by_type_and_name("pipeline", self.pipeline)
            of_pipeline = self.store.get_children_contexts_by_context(pipeline.id) if pipeline else ()
            ids = {context.id for context in of_pipeline}
            contexts = [context for context in contexts if context.id in ids]
        return sorted(contexts, key=lambda context: context.id)

    def run_records(self, unfinished: str = "interrupted") -> list[RunRecord]:
        """Returns the runs, the newest first, without the numbers of their steps, which take a query for each.

        Args:
            unfinished: the status of a run that has recorded none.
        """
        return [_record(context, unfinished) for context in reversed(self.run_contexts())]

    def executions(self, run_id: str) -> list[mlmd.Execution]:
        """Returns the executions of a run in the order in which they started; none for an unknown run."""
        context = self._find(run_id)
        if context is None:
            return []
        executions: list[mlmd.Execution] = list(self.store.get_executions_by_context(context.id))
        return sorted(executions, key=lambda execution: execution.id)

    def steps(self, run_id: str) -> list[tuple[str, mlmd.Execution]]:
        """Returns the executions of a run with the names of their steps."""
        return [(self._node(execution), execution) for execution in self.executions(run_id)]

    def latest_with(self, steps: Collection[str]) -> str:
        """Returns the id of the newest run that has completed all of these steps.

        Raises:
            NoSuchRun: there is no such run.
        """
        for context in reversed(self.run_contexts()):
            completed = {
                name for name, e in self.steps(context.name) if e.last_known_state in COMPLETED_STATES
            }
            if completed.issuperset(steps):
                return str(context.name)
        raise NoSuchRun(f"no run has completed the steps {', '.join(steps)} yet; leave --from-step out.")

    def outputs(self, run_id: str) -> dict[tuple[str, str], mlmd.Artifact]:
        """Returns the artifacts that a run created or took from the cache, by (step, output)."""
        found: dict[tuple[str, str], mlmd.Artifact] = {}
        for node, execution in self.steps(run_id):
            events = [
                event
                for event in self.store.get_events_by_execution_ids([execution.id])
                if event.type == mlmd.Event.OUTPUT
            ]
            artifacts = {
                artifact.id: artifact
                for artifact in self.store.get_artifacts_by_id([event.artifact_id for event in events])
            }
            for event in events:
                found[node, event.path.steps[0].key] = artifacts[event.artifact_id]
        return found

    def started(self, run_id: str) -> str | None:
        """Returns when a run started, ISO 8601 with a time zone; None for an unknown run."""
        context = self._find(run_id)
        return None if context is None else _start(context)

    def record(self, run_id: str, status: str, pushed: tuple[int, str] | None) -> None:
        """Stores the status of a run in its context; `pushed` is the version and its folder."""
        context = self._find(run_id)
        if context is None:  # no step has started
            return
        context.custom_properties[_STATUS].string_value = status
        if pushed is not None:
            context.custom_properties[_VERSION].int_value = pushed[0]
            context.custom_properties[_PATH].string_value = pushed[1]
        self.store.put_contexts([context])

    def record_destination(self, run_id: str, destination: Destination) -> None:
        """Stores where a run publishes, for `regpipe bless`, which may follow a run that did not reach its Pusher.

        Raises:
            NoSuchRun: there is no such run.
        """
        context = self._get(run_id)
        context.custom_properties[_DESTINATION].string_value = destination.model_dump_json()
        self.store.put_contexts([context])

    def was_pushed(self, run_id: str) -> bool:
        """Whether a run published its model, by its Pusher or by `regpipe bless`, even if the run failed later.

        Raises:
            NoSuchRun: there is no such run.
        """
        # A run that was interrupted after its Pusher has no version in its context.
        pushed = self.outputs(run_id).get(("Pusher", "pushed_model"))
        by_pusher = pushed is not None and pushed.custom_properties["pushed"].int_value
        return bool(by_pusher or _VERSION in self._get(run_id).custom_properties)

    def record_override(self, run_id: str, override: Override, model: mlmd.Artifact) -> None:
        """Stores who overrode the verdict, when and why, in the context of the run and in the model artifact."""
        context = self._get(run_id)
        for record in (context, model):
            for name, text in (*override.model_dump().items(), ("run", run_id)):
                record.custom_properties[_OVERRIDE + name].string_value = text
        self.store.put_contexts([context])
        self.store.put_artifacts([model])

    def override(self, run_id: str) -> Override | None:
        """Returns who overrode the verdict of a run, when and why; None if nobody did."""
        context = self._find(run_id)
        return None if context is None else _override(context)

    def destination(self, run_id: str) -> Destination | None:
        """Returns where a run publishes; None if that is unknown.

        It is unknown if an earlier version of regpipe made the run, and its Pusher did not start.
        """
        context = self._find(run_id)
        if context is not None and (text := context.custom_properties[_DESTINATION].string_value):
            return Destination.model_validate_json(text)
        for name, execution in self.steps(run_id):
            if name == "Pusher":
                return Destination.model_validate_json(
                    execution.custom_properties["destination"].string_value
                )
        return None

    def config(self, run_id: str) -> dict[str, Any] | None:
        """Returns the configuration of a run; None if its last step did not start, which has it."""
        execution = dict(self.steps(run_id)).get(LAST)
        text = execution.custom_properties["config"].string_value if execution is not None else ""
        return json.loads(text) if text else None

    @contextlib.contextmanager
    def record_execution(
        self, kind: str, properties: Mapping[str, str | int]
    ) -> Iterator[dict[str, str | int]]:
        """Records the block as an execution outside of any run: running, then complete, or failed if it raises.

        Args:
            kind: the type of the execution.
            properties: its properties at the start. The block can add others to the dict that it receives.
        """
        type_id = self.store.put_execution_type(mlmd.ExecutionType(name=kind))
        execution = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.RUNNING)
        _set_properties(execution, properties)
        (execution.id,) = self.store.put_executions([execution])
        later: dict[str, str | int] = {}
        execution.last_known_state = mlmd.Execution.FAILED
        try:
            yield later
            execution.last_known_state = mlmd.Execution.COMPLETE
        finally:
            _set_properties(execution, later)
            self.store.put_executions([execution])

    def fail_unfinished(self, run_id: str, step: str) -> list[int]:
        """Marks the executions of a step that a killed attempt has left running as failed.

        Returns:
            The ids of these executions, and of those that failed before.
        """
        unfinished = [
            e for name, e in self.steps(run_id) if name == step and e.last_known_state not in COMPLETED_STATES
        ]
        for execution in unfinished:
            execution.last_known_state = mlmd.Execution.FAILED
        if unfinished:
            self.store.put_executions(unfinished)
        return [execution.id for execution in unfinished]

    def fail_running(self) -> None:
        """Marks all executions that are still running as failed. Only a process that locks the root may call this."""
        running = [e for e in self.store.get_executions() if e.last_known_state == mlmd.Execution.RUNNING]
        for execution in running:
            execution.last_known_state = mlmd.Execution.FAILED
        if running:
            self.store.put_executions(running)

    def cancel(self, run_id: str) -> None:
        """Marks the executions of a run that are still running as canceled."""
        running = [e for e in self.executions(run_id) if e.last_known_state == mlmd.Execution.RUNNING]
        for execution in running:
            execution.last_known_state = mlmd.Execution.CANCELED
        if running:
            self.store.put_executions(running)

    def check(self, run_id: str) -> None:
        """Does nothing if there is such a run.

        Raises:
            NoSuchRun: there is none.
        """
        self._get(run_id)

    def _find(self, run_id: str) -> mlmd.Context | None:
        return self.store.get_context_by_type_and_name("pipeline_run", run_id)

    def _get(self, run_id: str) -> mlmd.Context:
        context = self._find(run_id)
        if context is None:
            raise NoSuchRun(f"there is no run {run_id!r}; `regpipe runs` lists them.")
        return context

    def _node(self, execution: mlmd.Execution) -> str:
        """Returns the step of an execution, whose context of type `node` is named `pipeline.step`."""
        contexts = self.store.get_contexts_by_execution(execution.id)
        (name,) = (context.name for context in contexts if context.type == "node")
        return str(name).rpartition(".")[2]


def _start(context: mlmd.Context) -> str:
    started = datetime.datetime.fromtimestamp(context.create_time_since_epoch / 1000, datetime.UTC)
    return started.isoformat(timespec="seconds")


def _record(context: mlmd.Context, unfinished: str) -> RunRecord:
    properties, override = context.custom_properties, _override(context)
    return RunRecord(
        run_id=context.name,
        started=_start(context),
        status=properties[_STATUS].string_value or unfinished,
        pushed_version=properties[_VERSION].int_value if _VERSION in properties else None,
        blessed_by=override.by if override else None,
    )


def _set_properties(execution: mlmd.Execution, properties: Mapping[str, str | int]) -> None:
    for name, value in properties.items():
        if isinstance(value, int):
            execution.custom_properties[name].int_value = value
        else:
            execution.custom_properties[name].string_value = value


def _override(context: mlmd.Context) -> Override | None:
    properties = context.custom_properties
    # The record is written before the model is published; without a version, publishing failed.
    if _OVERRIDE + "by" not in properties or _VERSION not in properties:
        return None
    return Override(**{name: properties[_OVERRIDE + name].string_value for name in Override.model_fields})


def list_runs(runs: RunStore, unfinished: str = "interrupted") -> list[RunRecord]:
    """Returns the runs in a store, newest first.

    Args:
        runs: the store.
        unfinished: the status of a run that has recorded none.
    """
    return [
        record.model_copy(update={"steps": len(runs.executions(record.run_id))})
        for record in runs.run_records(unfinished)
    ]
