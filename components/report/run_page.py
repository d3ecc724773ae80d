"""Renders the HTML report of a run: combines its sections in their order."""

import posixpath

from components.common.formatting import date_text, plural
from components.report import (
    changes_section,
    data_section,
    drift_section,
    feature_section,
    lineage_section,
    operating_point_section,
    prediction_quality,
    recalibration_section,
    training_section,
    tuning_section,
    verdict_section,
)
from components.report.blocks import Section
from components.report.html import render_page
from components.report.run_artifacts import RunArtifacts

REPORT_FILE = "report.html"


def sections(run: RunArtifacts) -> tuple[Section, ...]:
    """Returns all sections in the order of the page."""
    return (
        verdict_section.verdict(run),
        changes_section.changes(run),
        verdict_section.threshold_section(run),
        verdict_section.comparison(run),
        *operating_point_section.operating_point(run),
        *tuning_section.tuning(run),
        training_section.learning_curves(run),
        *recalibration_section.recalibration(run),
        prediction_quality.gap(run),
        feature_section.features(run),
        training_section.weights(run),
        prediction_quality.predictions(run),
        prediction_quality.slices(run),
        drift_section.drift(run),
        data_section.data(run),
        lineage_section.configuration(run),
        lineage_section.lineage(run),
    )


def render(run: RunArtifacts) -> str:
    """Returns the page as HTML; the same artifacts give the same page."""
    run_id = run.facts.get("run_id", "unknown")
    subtitle = f"Pipeline {run.config.get('name') or 'regpipe'}, run {run_id}"
    return render_page(_title(run), sections(run), subtitle)


def _title(run: RunArtifacts) -> str:
    """Returns the data set, the label and the time: "churn.csv, label 'churned', 2026-11-20 12:00 UTC"."""
    parts = []
    if run.ingest is not None:
        files = [posixpath.basename(file.path) for file in run.ingest.files]
        more = f" and {plural(len(files) - 1, 'more file')}" if len(files) > 1 else ""
        parts = [*(f"{name}{more}" for name in files[:1]), f"label {run.ingest.label!r}"]
    if started := run.facts.get("started"):
        parts.append(date_text(started))
    return ", ".join(parts) or "Report of a run"
