"""Renders the HTML report of a run: combines its sections in their order."""

from components.report import (
    data_section,
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
        verdict_section.comparison(run),
        *operating_point_section.operating_point(run),
        *tuning_section.tuning(run),
        training_section.learning_curves(run),
        *recalibration_section.recalibration(run),
        prediction_quality.gap(run),
        training_section.weights(run),
        prediction_quality.predictions(run),
        prediction_quality.slices(run),
        data_section.data(run),
        lineage_section.configuration(run),
        lineage_section.lineage(run),
    )


def render(run: RunArtifacts) -> str:
    """Returns the page as HTML; the same artifacts give the same page."""
    title = f"{run.config.get('name') or 'regpipe'}: {run.facts.get('run_id', 'report')}"
    return render_page(title, sections(run))
