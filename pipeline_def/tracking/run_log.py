"""Collects what is logged of a run, from its summary, its configuration and the files that its steps left."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from components.common import storage
from components.common.file_names import HISTORY_FILE, VERDICT_FILE
from components.common.ingest_record import IngestRecord
from pipeline_def.config.config_print import changed_keys
from pipeline_def.config.load import PipelineConfig
from pipeline_def.runs.metric_values import interval_values, metric_values
from pipeline_def.runs.run_files import FACTS_FILE
from pipeline_def.runs.summary import Summary

_TRAININGS = {"candidate": ("Trainer", "model_run"), "baseline": ("BaselineTrainer", "model_run")}
# They say how and where a run is executed and reported, not what it computes.
_LEFT_OUT = ("kubeflow.", "beam.", "notify.", "tracking.")
_FAILED = ("failed", "data_refused")


@dataclasses.dataclass(frozen=True)
class Metric:
    """One value of a metric; `step` is the epoch, and 0 for a metric of the whole run."""

    name: str
    value: float
    step: int = 0


@dataclasses.dataclass(frozen=True)
class RunLog:
    """What is logged of one run.

    Attributes:
        run_id: the id of the run.
        failed: whether it failed, or its data was refused.
        parameters: the keys that differ from their defaults, and the digest of the data.
        metrics: those of each epoch of both trainings, and those on the test split, with the ends of their intervals.
        tags: the status, the message and the digests.
        files: by name, the path of a file to store.
    """

    run_id: str
    failed: bool
    parameters: dict[str, str]
    metrics: tuple[Metric, ...]
    tags: dict[str, str]
    files: dict[str, str]


def run_log(summary: Summary, config: PipelineConfig | None, folder: str) -> RunLog:
    """Returns what is logged of a run; a file that is missing or can't be read is left out.

    Args:
        summary: the summary of the run.
        config: its configuration; None if it is unknown, because the run failed before its first step.
        folder: the folder of the run, which may be on gs://.
    """
    artifacts = _artifacts(folder)
    parameters = dict(_parameters(config)) if config else {}
    tags = {"regpipe.run_id": summary.run_id, "regpipe.status": summary.status}
    if digest := _data_digest(artifacts.get(("ExampleGen", "examples"))):
        parameters["data_digest"] = digest
        tags["regpipe.data_digest"] = digest
    files = {"summary.json": f"{folder}/summary.json"}
    if summary.report_path:
        files["report.html"] = summary.report_path
    if evaluation := artifacts.get(("Evaluator", "evaluation")):
        files[VERDICT_FILE] = f"{evaluation}/{VERDICT_FILE}"
    return RunLog(
        run_id=summary.run_id,
        failed=summary.status in _FAILED,
        parameters=parameters,
        metrics=(*_epochs(artifacts), *_results(summary)),
        tags=tags,
        files=files,
    )


def _artifacts(folder: str) -> dict[tuple[str, str], str]:
    """Returns the folders of the artifacts by (step, output); none for a run that ended before its Report."""
    facts = _json(f"{folder}/{FACTS_FILE}")
    found = facts.get("artifacts", []) if isinstance(facts, dict) else []
    return {(artifact["step"], artifact["output"]): artifact["uri"] for artifact in found}


def _parameters(config: PipelineConfig) -> Iterator[tuple[str, str]]:
    for name in changed_keys(config):
        if not name.startswith(_LEFT_OUT):
            value: Any = config
            for part in name.split("."):
                value = getattr(value, part)
            yield name, str(list(value) if isinstance(value, tuple) else value)


def _data_digest(examples: str | None) -> str | None:
    if examples is None:
        return None
    try:
        return IngestRecord.read(examples).digest
    except (OSError, ValueError):
        return None


def _epochs(artifacts: dict[tuple[str, str], str]) -> Iterator[Metric]:
    for model, output in _TRAININGS.items():
        epochs = _json(f"{artifacts[output]}/{HISTORY_FILE}") if output in artifacts else None
        for epoch in epochs or []:
            for name, value in epoch.items():
                if name != "epoch" and value is not None:
                    yield Metric(f"{model}/{name}", float(value), int(epoch["epoch"]))


def _results(summary: Summary) -> Iterator[Metric]:
    for name, value in (metric_values(summary) | interval_values(summary)).items():
        yield Metric(f"test/{name}", float(value))


def _json(path: str) -> Any:
    try:
        return json.loads(storage.read(path))
    except (OSError, ValueError):
        return None
