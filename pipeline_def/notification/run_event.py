"""The content of the message about a run, and its CloudEvents envelope.

Reference: github.com/cloudevents/spec, version 1.0: spec.md (attributes), formats/json-format.md (structured mode).
"""

import datetime
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from components.tasks.known_tasks import task_of
from pipeline_def.runs.result_sentence import result_sentence
from pipeline_def.runs.summary import Summary

CONTENT_TYPE = "application/cloudevents+json"
_TYPE = "regpipe.run."  # and the status, by which a receiver can filter
# An event should not exceed 64 KiB, because no intermediary must forward a larger one (spec.md, "Size Limits").
_MOST_ITEMS, _MOST_CHARACTERS = 20, 500
_EXPECTED = ("pushed", "partial", "succeeded")


class RunEvent(BaseModel):
    """What a message says about a run; docs/records.md documents each key.

    Attributes:
        run_id: None if an error ended the command before or after the run itself, such as a root that is in use.
        status: that of the summary, or `interrupted`, or `succeeded` if Kubeflow Pipelines gives a success without a
            summary.
        metrics: by model and metric, on the test split.
        drift: the key `drift` of the summary, unchanged.
        served_decline: that the served model does clearly worse than in its card; None if it does not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    run_id: str | None
    pipeline: str
    status: str
    message: str
    exit_code: int | None = None
    reasons: tuple[str, ...] = ()
    metrics: dict[str, dict[str, float | None]] = {}
    pushed_version: int | None = None
    pushed_path: str | None = None
    already_published: bool = False
    report_path: str | None = None
    warnings: tuple[str, ...] = ()
    drift: dict[str, Any] | None = None
    served_decline: str | None = None

    @property
    def is_problem(self) -> bool:
        """Whether somebody should look: at a run that did not end as it should, at data or labels that have changed."""
        moved = bool(self.drift and self.drift.get("moved"))
        return self.status not in _EXPECTED or moved or self.served_decline is not None

    def envelope(self, time: datetime.datetime) -> dict[str, Any]:
        """Returns the event in JSON's structured mode.

        Args:
            time: when the run ended, with its time zone. It is a part of the id: a run that is retried by hand ends
                twice, and a receiver may take two events of one source and id for duplicates.
        """
        stamp = time.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
        subject = {} if self.run_id is None else {"subject": self.run_id}
        return {
            "specversion": "1.0",
            "id": f"{self.run_id or 'no-run'}/{stamp}",
            "source": f"/regpipe/{self.pipeline}",
            "type": f"{_TYPE}{self.status}",
            **subject,
            "time": stamp,
            "datacontenttype": "application/json",
            "data": self.model_dump(mode="json"),
        }


def event_of(summary: Summary, pipeline: str) -> RunEvent:
    """Returns the event of a run that left a summary; long texts and lists are shortened.

    Args:
        summary: the summary of the run.
        pipeline: the key `name` of its configuration.
    """
    models = summary.metrics.model_dump() if summary.metrics else {}
    task = task_of(summary.task)
    return RunEvent(
        run_id=summary.run_id,
        pipeline=pipeline,
        status=summary.status,
        exit_code=summary.exit_code,
        message=_shortened(" ".join(result_sentence(summary).split()), 2 * _MOST_CHARACTERS),
        reasons=_first(summary.reasons),
        metrics={
            model: {name: metrics.get(name) for name in (task.score, task.loss)}
            for model, metrics in models.items()
            if metrics
        },
        pushed_version=summary.pushed_version,
        pushed_path=summary.pushed_path,
        already_published=summary.already_published,
        report_path=summary.report_path,
        warnings=_first(summary.warnings),
        drift=summary.model_dump(mode="json").get("drift"),
        served_decline=summary.served.decline if summary.served else None,
    )


def _first(sentences: Sequence[str]) -> tuple[str, ...]:
    more = len(sentences) - _MOST_ITEMS
    shown = tuple(_shortened(sentence, _MOST_CHARACTERS) for sentence in sentences[:_MOST_ITEMS])
    return (*shown, f"and {more} more") if more > 0 else shown


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
