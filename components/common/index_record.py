"""The record of all runs under a root, `index.json`: what the page of all runs shows, in short.

Each run that ends adds itself, so that the page is made without reading the files of every run again.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.file_names import INDEX_FILE
from components.common.stored_record import StoredRecord
from components.common.verdict_record import Interval, Number


class _IndexPart(BaseModel):
    model_config = ConfigDict(frozen=True)


class IndexedMetric(_IndexPart):
    """A metric on the test split; None where a model was not scored.

    Attributes:
        candidate, baseline, served: the values of the models.
        interval: that of the candidate's value.
    """

    candidate: Number = None
    baseline: Number = None
    served: Number = None
    interval: Interval = None


class IndexedRun(_IndexPart):
    """One run.

    Attributes:
        run_id: its id, which is the name of its folder.
        started: when it started, ISO 8601 with a time zone.
        status: that of its summary; `unfinished` without a summary: it runs, was interrupted, or was killed.
        sentence: how it ended and why.
        label: the name of the label column; None if ExampleGen did not complete.
        rows: the accepted rows of the table.
        label_rate: the share of label 1 among them.
        log_loss, auc, rmse, r2, cross_entropy, macro_auc: None if the Evaluator did not complete, or if the task does
            not have this metric.
        drift: how many columns have moved; None if that was not measured.
        served_declined: whether the served model did clearly worse than in its card.
        version: the version that it published.
        blessed_by, blessed_at, blessed_because: who published it by hand, when and why; `index.json` of an earlier
            version has only the first.
        report: its page, relative to the root.
    """

    run_id: str
    started: str
    status: str
    sentence: str
    label: str | None = None
    rows: int | None = None
    label_rate: float | None = None
    log_loss: IndexedMetric | None = None
    auc: IndexedMetric | None = None
    rmse: IndexedMetric | None = None
    r2: IndexedMetric | None = None
    cross_entropy: IndexedMetric | None = None
    macro_auc: IndexedMetric | None = None
    drift: int | None = None
    served_declined: bool = False
    version: int | None = None
    blessed_by: str | None = None
    blessed_at: str | None = None
    blessed_because: str | None = None
    report: str | None = None


class Publication(_IndexPart):
    """The version that is published now.

    Attributes:
        version: its number.
        run: the run that trained the model; None if that is unknown.
        published: when it was published, ISO 8601; None if that is unknown.
        rolled_back_from: the version that it replaced by a rollback; None if it was not published by a rollback.
        by, at, reason: who published it by hand or rolled back, when and why; None if the pipeline published it.
    """

    version: int
    run: str | None = None
    published: str | None = None
    rolled_back_from: int | None = None
    by: str | None = None
    at: str | None = None
    reason: str | None = None


class ManualPublication(_IndexPart):
    """A version that a person published: by blessing the model of a run, or by a rollback.

    Attributes:
        version: its number.
        run: the run that trained the model; None if that is unknown.
        rolled_back_from, rolled_back_to: the version that a rollback replaced, and the one that it published again;
            None without a rollback.
        by, at, reason: who, when (ISO 8601) and why; the reason of a rollback may be empty.
    """

    version: int
    run: str | None = None
    rolled_back_from: int | None = None
    rolled_back_to: int | None = None
    by: str
    at: str
    reason: str = ""


class IndexRecord(StoredRecord):
    """All runs under a root.

    Attributes:
        format_version: the version of the format.
        destination: where the last run published, a `Destination` as JSON; None if that is unknown.
        publication: what is published there; None if nothing is.
        by_hand: the versions that persons published, the newest first, also those that were removed since.
        runs: the newest first.
    """

    file_name = INDEX_FILE
    description = "an index of runs"

    format_version: Literal[1] = 1
    destination: str | None = None
    publication: Publication | None = None
    by_hand: tuple[ManualPublication, ...] = ()
    runs: tuple[IndexedRun, ...] = ()
