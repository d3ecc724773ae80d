"""The page of a run: its sections, in their order."""

from components.report import (
    data_section,
    lineage_section,
    prediction_quality,
    training_section,
    tuning_section,
    verdict_section,
)
from components.report.blocks import Section
from components.report.html import page_of
from components.report.run_artifacts import Evidence

REPORT_FILE = "report.html"


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """All sections, in the order of the page."""
    return (
        verdict_section.verdict(evidence),
        verdict_section.comparison(evidence),
        *tuning_section.tuning(evidence),
        training_section.curves(evidence),
        prediction_quality.gap(evidence),
        training_section.weights(evidence),
        prediction_quality.predictions(evidence),
        prediction_quality.slices(evidence),
        data_section.data(evidence),
        lineage_section.configuration(evidence),
        lineage_section.lineage(evidence),
    )


def render(evidence: Evidence) -> str:
    """The page as HTML; the same evidence gives the same page."""
    title = f"{evidence.config.get('name') or 'regpipe'}: {evidence.facts.get('run_id', 'report')}"
    return page_of(title, sections(evidence))
