"""States the result of a run in a sentence, for the terminal, for Kubeflow and for the notification."""

from components.common.verdict_text import by_hand_sentence, comparison_sentence, first_reasons
from components.tasks.known_tasks import task_of
from pipeline_def.runs.summary import Override, Summary


def result_sentence(summary: Summary) -> str:
    """Returns how a run ended and why: "Pushed: ...", "Not blessed: ...", "Data refused: ...", "Failed in STEP: ...".

    If a person published the model, it says who, when and why, and why the pipeline did not. An error may have several
    lines.
    """
    if summary.status == "pushed":
        return _by_hand(summary, summary.override) if summary.override else _why_pushed(summary)
    if summary.status == "partial":
        return "Done: the selected steps ran; the Pusher is not one of them."
    if summary.status == "not_blessed":
        return _why_not_pushed(summary)
    error = summary.error or "no reason was recorded"
    if summary.status == "data_refused":
        return f"Data refused: {error}"
    step = next((step.name for step in summary.steps if step.status == "failed"), None)
    return f"Failed in {step}: {error}" if step else f"Failed: {error}"


def _why_pushed(summary: Summary) -> str:
    both, loss = summary.metrics, task_of(summary.task).loss
    candidate = both.candidate.get(loss) if both else None
    baseline = both.baseline.get(loss) if both and both.baseline else None
    return f"Pushed: {comparison_sentence(loss, candidate, baseline, summary.contributions)}"


def _why_not_pushed(summary: Summary) -> str:
    return f"Not pushed: {summary.held_back}." if summary.held_back else f"Not blessed: {_reasons(summary)}."


def _by_hand(summary: Summary, override: Override) -> str:
    sentence = by_hand_sentence(override.by, override.at, override.reason)
    if summary.held_back:
        return f"{sentence}. Not pushed by the pipeline: {summary.held_back}."
    return f"{sentence}. Not blessed by the Evaluator: {_reasons(summary)}."


def _reasons(summary: Summary) -> str:
    return first_reasons(summary.reasons or tuple(filter(None, [summary.error])))
