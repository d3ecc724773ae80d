"""Writes the facts of a run for its report, finds the report's page, and renders it again after an override."""

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common import storage
from components.common.code_digest import code_digest
from components.common.library_versions import library_versions
from components.report.run_artifacts import ArtifactPaths, read_run_artifacts
from components.report.run_page import REPORT_FILE, render
from pipeline_def.config.load import PipelineConfig
from pipeline_def.runs.run_files import FACTS_FILE
from pipeline_def.runs.run_store import NoSuchRun, RunStore
from pipeline_def.runs.runs_root import RunsRoot
from pipeline_def.steps import LAST, STEPS, TUNER

PAGE = (LAST, "report")
EXAMPLES, EVALUATION = ("ExampleGen", "examples"), ("Evaluator", "evaluation")
TUNED = (TUNER, "tuner_results")
DRIFT = ("DriftGate", "drift")
# Besides those by which the steps compute.
_OTHER_LIBRARIES = ("regpipe", "ml-metadata", "bokeh")
_STATES = {mlmd.Execution.COMPLETE: "done", mlmd.Execution.CACHED: "cached", mlmd.Execution.FAILED: "failed"}


def write_facts(root: Path | str, run_id: str, runs: RunStore | None = None) -> None:
    """Writes `<root>/runs/<run_id>/facts.json` for the Report step: the steps so far, their artifacts, their code.

    The step has no access to the metadata store and reads this file; the runner writes it before it launches the step.

    Args:
        root: the folder of the runs, or a gs:// address.
        run_id: the run.
        runs: the metadata store; None: the SQLite file under the root.
    """
    runs = runs or RunStore.open(Path(root))
    _write(_facts_path(root, run_id), {**_facts(runs, run_id), "previous": _previous(runs, root, run_id)})


def report_path(root: RunsRoot, run_id: str | None) -> str:
    """Returns the path or the address of the report of a run; without `run_id`, of the last run that has one.

    Raises:
        NoSuchRun: there is no such run, or it has no report.
    """
    for artifact in root.outputs(*PAGE, run_id):
        page = f"{artifact.uri}/{REPORT_FILE}"
        if storage.exists(page):
            return page
    raise NoSuchRun(f"{root.missing('report', run_id)}; a run that stops early has none.")


def render_again(root: RunsRoot, run_id: str) -> str:
    """Renders the page of a run again from its artifacts, with an override that was recorded since.

    Raises:
        NoSuchRun: there is no such run, or it has no report.
    """
    page = report_path(root, run_id)
    runs = root.runs
    path = _facts_path(root.path, run_id)
    # Only the override may be newer than the run: the recorded steps and code stay as they are.
    facts = json.loads(storage.read(path)) if storage.exists(path) else _facts(runs, run_id)
    facts["override"] = _override(runs, run_id)
    _write(path, facts)
    outputs = runs.outputs(run_id)
    paths = ArtifactPaths(
        examples=outputs[EXAMPLES].uri,
        statistics=outputs["StatisticsGen", "statistics"].uri,
        anomalies=outputs["ExampleValidator", "anomalies"].uri,
        # A run of an earlier version has none.
        drift=outputs[DRIFT].uri if DRIFT in outputs else "",
        candidate=outputs["Trainer", "model_run"].uri,
        baseline=outputs["BaselineTrainer", "model_run"].uri,
        evaluation=outputs[EVALUATION].uri,
        tuner=outputs[TUNED].uri if TUNED in outputs else "",
        facts=path,
    )
    config = runs.config(run_id) or {}
    pushed = outputs["Pusher", "pushed_model"].custom_properties
    context = runs.store.get_context_by_type_and_name("pipeline_run", run_id)
    override_path = context.custom_properties["regpipe_pushed_path"].string_value
    published = override_path or pushed["pushed_destination"].string_value or None
    not_pushed_because = pushed["not_pushed_because"].string_value or None
    storage.write(page, render(read_run_artifacts(paths, config, published, not_pushed_because)).encode())
    return page


def _facts_path(root: Path | str, run_id: str) -> str:
    return f"{root}/runs/{run_id}/{FACTS_FILE}"


def _write(path: str, facts: dict[str, Any]) -> None:
    storage.write(path, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


def _facts(runs: RunStore, run_id: str) -> dict[str, Any]:
    ran = {name for name, _ in runs.steps(run_id)} | {LAST}
    return {
        "run_id": run_id,
        "started": runs.started(run_id),
        "steps": list(_steps(runs, run_id)),
        "artifacts": [
            {"step": step, "output": output, "type": artifact.type, "id": artifact.id, "uri": artifact.uri}
            for (step, output), artifact in runs.outputs(run_id).items()
            if (step, output) != PAGE
        ],
        "versions": dict(_versions()),
        "code": {step.name: code_digest(step.code) for step in STEPS if step.code and step.name in ran},
        "defaults": PipelineConfig().model_dump(mode="json"),
        "override": _override(runs, run_id),
    }


def _previous(runs: RunStore, root: Path | str, run_id: str) -> dict[str, Any] | None:
    """Returns the last earlier run with a verdict under the same root: its artifacts, configuration and code.

    A metadata store may have the runs of several roots; those of this one have a folder in it.
    """
    here = set(storage.list_folder(f"{root}/runs"))
    names = [context.name for context in runs.run_contexts()]
    earlier = names[: names.index(run_id)] if run_id in names else names
    for name in reversed(earlier):
        outputs = runs.outputs(name) if name in here else {}
        if EXAMPLES in outputs and EVALUATION in outputs:
            facts = _read_facts(root, name)
            return {
                "run_id": name,
                "started": runs.started(name),
                "examples": outputs[EXAMPLES].uri,
                "evaluation": outputs[EVALUATION].uri,
                "config": runs.config(name),
                "versions": facts.get("versions", {}),
                "code": facts.get("code", {}),
            }
    return None


def _read_facts(root: Path | str, run_id: str) -> dict[str, Any]:
    """Returns the facts of another run; {} if it did not reach its Report step, or if the file is damaged."""
    try:
        facts = json.loads(storage.read(_facts_path(root, run_id)))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _steps(runs: RunStore, run_id: str) -> Iterator[dict[str, Any]]:
    for name, execution in runs.steps(run_id):
        if name != LAST:
            milliseconds = execution.last_update_time_since_epoch - execution.create_time_since_epoch
            state = _STATES.get(execution.last_known_state, "not ended")
            yield {"name": name, "state": state, "seconds": milliseconds / 1000}


def _versions() -> Iterator[tuple[str, str]]:
    yield from library_versions().items()
    for name in _OTHER_LIBRARIES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:  # regpipe itself, if it runs from its source
            continue


def _override(runs: RunStore, run_id: str) -> dict[str, str] | None:
    """Returns who published the model of this run although it was not blessed, when and why; None if nobody did."""
    override = runs.override(run_id)
    return None if override is None else override.model_dump()
