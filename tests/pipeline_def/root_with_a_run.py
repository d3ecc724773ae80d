"""A root whose metadata store has one run, as the runner and the steps leave it."""

import shutil
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.model_files import model_digest
from components.common.verdict_record import Judged, JudgedSplit, Verdict
from components.pusher.publication import Destination
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import Summary


class Root:
    """A root with one run, `r1`, of a pipeline named p."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        sqlite = mlmd.SqliteMetadataSourceConfig(
            filename_uri=str(path / "metadata.sqlite"),
            connection_mode=mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
        )
        self.store = MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite))
        self.run = self._context("pipeline_run", "r1")
        parent = mlmd.ParentContext(child_id=self.run, parent_id=self._context("pipeline", "p"))
        self.store.put_parent_contexts([parent])
        self.summary = path / "runs" / "r1" / "summary.json"
        self.summary.parent.mkdir(parents=True)
        self.summary.write_text(Summary(run_id="r1", status="not_blessed", exit_code=4).to_json())

    def _context(self, kind: str, name: str) -> int:
        type_id = self.store.put_context_type(mlmd.ContextType(name=kind))
        (context,) = self.store.put_contexts([mlmd.Context(type_id=type_id, name=name)])
        return int(context)

    def _execute(self, node: str, **properties: str) -> int:
        type_id = self.store.put_execution_type(mlmd.ExecutionType(name=node))
        execution = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.COMPLETE)
        for name, text in properties.items():
            execution.custom_properties[name].string_value = text
        (made,) = self.store.put_executions([execution])
        contexts = (self.run, self._context("node", f"p.{node}"))
        self.store.put_attributions_and_associations(
            [], [mlmd.Association(context_id=context, execution_id=made) for context in contexts]
        )
        return int(made)

    def _output(self, execution: int, key: str, artifact: mlmd.Artifact) -> None:
        (made,) = self.store.put_artifacts([artifact])
        event = mlmd.Event(artifact_id=made, execution_id=execution, type=mlmd.Event.OUTPUT)
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
        self.store.put_events([event])

    def with_candidate(self, candidate: str) -> None:
        """Adds a Trainer that has made a model."""
        trainer = self._execute("Trainer")
        folder = self.path / "artifacts" / "model"
        shutil.copytree(candidate, folder / "Format-Serving")
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name="Model"))
        self._output(trainer, "model", mlmd.Artifact(type_id=type_id, uri=str(folder)))

    def with_verdict(self, verdict: Verdict, judged: str) -> None:
        """Adds an Evaluator with a verdict about the model in a folder."""
        folder = self.path / "artifacts" / "evaluation"
        split = JudgedSplit(rows=4, digest="0")
        about = Judged(candidate=model_digest(judged), test=split, train=split)
        verdict.model_copy(update={"judged": about}).write(str(folder))
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name="ModelEvaluation"))
        self._output(
            self._execute("Evaluator"), "evaluation", mlmd.Artifact(type_id=type_id, uri=str(folder))
        )

    def with_file(self, step: str, output: str, name: str, text: str) -> None:
        """Adds a step with an output of one file."""
        folder = self.path / "artifacts" / output
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name=output))
        self._output(self._execute(step), output, mlmd.Artifact(type_id=type_id, uri=str(folder)))

    def started(self, destination: Path | None = None) -> None:
        """Records where the run publishes, as the runner does: by default under the root."""
        target = Destination(
            directory=str(destination or self.path / "serving"), keep_versions=5, model_name="m"
        )
        RunStore(self.store).record_destination("r1", target)

    def with_pusher(self, destination: Path, *, pushed: bool = False) -> None:
        """Adds a Pusher that publishes to this folder."""
        target = Destination(directory=str(destination), keep_versions=5, model_name="m")
        pusher = self._execute("Pusher", destination=target.model_dump_json())
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name="PushedModel"))
        artifact = mlmd.Artifact(type_id=type_id)
        artifact.custom_properties["pushed"].int_value = int(pushed)
        self._output(pusher, "pushed_model", artifact)

    def ended(self, status: str, *, pushed: bool = False) -> None:
        RunStore(self.store).record("r1", status, (7, "/serving/7") if pushed else None)

    def properties(self) -> list[dict[str, Any]]:
        """Returns the custom properties of the run and of the model."""
        run = self.store.get_context_by_type_and_name("pipeline_run", "r1")
        (model,) = self.store.get_artifacts_by_type("Model")
        return [
            {name: value.string_value or value.int_value for name, value in record.custom_properties.items()}
            for record in (run, model)
        ]
