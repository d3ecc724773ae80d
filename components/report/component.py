"""The Report step: writes one HTML page about the run."""

import json
import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.drift.component import DriftReport
from components.report.run_artifacts import ArtifactPaths, read_run_artifacts
from components.report.run_page import REPORT_FILE, render


class RunReport(Artifact):  # type: ignore[misc]
    """A folder that contains `report.html`, which needs no other file."""

    TYPE_NAME = "RunReport"


@component  # type: ignore[untyped-decorator]
def Report(  # noqa: N802, PLR0913 (a TFX component is named like a class, and each artifact is an argument)
    examples: InputArtifact[standard_artifacts.Examples],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    drift: InputArtifact[DriftReport],
    candidate_run: InputArtifact[standard_artifacts.ModelRun],
    baseline_run: InputArtifact[standard_artifacts.ModelRun],
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    pushed_model: InputArtifact[standard_artifacts.PushedModel],
    report: OutputArtifact[RunReport],
    config: Parameter[str],
    facts_dir: Parameter[str],
    run_id: Parameter[str],
    tuner_results: InputArtifact[standard_artifacts.TunerResults] = None,
) -> None:
    """Writes `report.html`, whether the model was blessed or not.

    The run ID is a parameter so that TFX's cache never returns the page of another run: a page shows when its own run
    started and which of its steps were cached. The step takes less than a second.

    Args:
        examples: contains the ingest record.
        statistics: the statistics of each split.
        anomalies: the anomalies of each split.
        drift: contains the drift record.
        candidate_run: the history and the weight summary of the candidate's training.
        baseline_run: the same for the baseline.
        evaluation: contains the verdict.
        pushed_model: whether and where the model was published.
        report: receives the page.
        config: the whole configuration as JSON.
        facts_dir: the folder in which the runner writes `<run_id>/facts.json`, the contents of the metadata store
            about the run; without that file the page states that it is missing.
        run_id: the ID of this run.
        tuner_results: the Tuner's trials; None without a Tuner.
    """
    paths = ArtifactPaths(
        examples=examples.uri,
        statistics=statistics.uri,
        anomalies=anomalies.uri,
        drift=drift.uri,
        candidate=candidate_run.uri,
        baseline=baseline_run.uri,
        evaluation=evaluation.uri,
        tuner=tuner_results.uri if tuner_results else "",
        facts=os.path.join(facts_dir, run_id, "facts.json"),
    )
    pushed_path = pushed_model.get_string_custom_property("pushed_destination") or None
    not_pushed_because = pushed_model.get_string_custom_property("not_pushed_because") or None
    page = render(read_run_artifacts(paths, json.loads(config), pushed_path, not_pushed_because))
    io_utils.write_string_file(os.path.join(report.uri, REPORT_FILE), page)
