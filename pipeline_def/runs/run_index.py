"""Writes the page of all runs under a root, `index.html`, and the record that it is made from, `index.json`."""

import contextlib
import datetime
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from components.common import storage
from components.common.index_record import (
    IndexedMetric,
    IndexedRun,
    IndexRecord,
    ManualPublication,
    Publication,
)
from components.pusher.publication import Destination, version_store
from components.report.index_page import INDEX_PAGE, render
from components.saved_model.card_file import Card, read_intact_card
from components.tasks.known_tasks import MAIN_METRICS
from pipeline_def.runs.damaged_store import DamagedStore
from pipeline_def.runs.result_sentence import result_sentence
from pipeline_def.runs.run_store import NoSuchRun, RunStore
from pipeline_def.runs.summary import RunRecord, Summary

_READ_AGAIN = 10  # the newest runs: a person may have blessed one, and on a cluster runs may end at once
_MAX_SENTENCE = 300  # characters
_STATUSES: Mapping[str, str] = {
    "pushed": "Pushed",
    "partial": "Done",
    "not_blessed": "Not blessed",
    "data_refused": "Data refused",
    "failed": "Failed",
}
UNFINISHED = "unfinished"
_NO_RESULT = "No result: the run is not over, or it was interrupted or killed."
_log = logging.getLogger(__name__)


def update_index(root: str, run_id: str | None = None, destination: Destination | None = None) -> str:
    """Writes the page of all runs.

    The summaries of the newest runs, of runs without a result, and of runs that are not in `index.json` are read again.
    So an entry that was lost, because two runs of a cluster ended at the same moment, comes back with the next run. A
    run whose files were removed keeps its entry.

    Args:
        root: the folder of the runs, or its gs:// address.
        run_id: a run whose summary has changed.
        destination: where the runs publish; None: as in `index.json`.

    Returns:
        The path of the page.

    Raises:
        OSError: the root can't be read or written.
    """
    before = _read(root)
    known = {run.run_id: run for run in before.runs}
    fresh = {
        run_id,
        *list(known)[:_READ_AGAIN],
        *(run.run_id for run in before.runs if run.status == UNFINISHED),
    }
    folders = storage.list_folder(f"{root}/runs")
    # The newer of two entries of a run replaces the older one.
    registered = _registered_runs(root)
    found = {record.run_id: _registered(record) for record in registered}
    found |= known
    found |= {
        name: _entry(root, name, known.get(name)) for name in folders if name not in known or name in fresh
    }
    text = destination.model_dump_json() if destination else before.destination
    manual = {each.version: each for each in (*_blessed(found.values()), *before.by_hand)}
    publication = None
    if text:
        publication = _published(Destination.model_validate_json(text), before.publication, manual)
    index = IndexRecord(
        destination=text,
        publication=publication,
        by_hand=tuple(manual[version] for version in sorted(manual, reverse=True)),
        runs=tuple(_newest_first(found, [record.run_id for record in registered])),
    )
    index.write(root)
    page = f"{root}/{INDEX_PAGE}"
    storage.write(page, render(_without_dead_links(index, root), root).encode())
    return page


def try_update_index(root: str, run_id: str | None = None, destination: Destination | None = None) -> None:
    """Does what `update_index` does, but only logs an error: the page must not change how a run ends."""
    try:
        update_index(root, run_id, destination)
    except Exception as error:
        _log.warning("The page of all runs could not be written: %s", error)


def _newest_first(found: Mapping[str, IndexedRun], registered: Sequence[str]) -> Iterator[IndexedRun]:
    """Yields the runs by their times; those in the metadata store in its order: the clock may have been set back.

    Args:
        found: the runs by their ids.
        registered: the ids of the runs in the metadata store, the newest first.
    """
    in_store = iter(registered)
    known = set(registered)
    for run in sorted(found.values(), key=lambda run: (run.started, run.run_id), reverse=True):
        yield found[next(in_store)] if run.run_id in known else run


def _registered_runs(root: str) -> list[RunRecord]:
    """Returns the runs in the metadata store of the local runner, which also has those whose files were removed."""
    if storage.is_remote(root):
        return []
    try:
        return RunStore.open(Path(root)).run_records()
    except (NoSuchRun, DamagedStore):
        return []


def _registered(record: RunRecord) -> IndexedRun:
    """Returns the entry of a run whose files were removed."""
    interrupted = record.status == "interrupted"
    return IndexedRun(
        run_id=record.run_id,
        started=record.started or "",
        status=UNFINISHED if interrupted else record.status,
        sentence="Interrupted or killed."
        if interrupted
        else f"{_STATUSES[record.status]}. Its files were removed.",
        version=record.pushed_version,
        blessed_by=record.blessed_by,
    )


def _read(root: str) -> IndexRecord:
    try:
        return IndexRecord.read(root)
    except (OSError, ValueError):  # The first run, or a damaged file: it is made anew.
        return IndexRecord()


def _entry(root: str, name: str, before: IndexedRun | None) -> IndexedRun:
    """Returns the entry of a run from its summary; `before` is the one in `index.json`."""
    folder = f"{root}/runs/{name}"
    try:
        summary = Summary.read(folder)
    except (OSError, ValueError):
        return IndexedRun(run_id=name, started=_started(name, folder), status=UNFINISHED, sentence=_NO_RESULT)
    return IndexedRun(
        run_id=name,
        started=summary.started or _started(name, folder),
        status=summary.status,
        sentence=_sentence(summary),
        label=summary.label,
        rows=summary.rows.accepted if summary.rows else None,
        label_rate=summary.label_rate,
        **{name: _metric(summary, name) for name in MAIN_METRICS},
        drift=_moved(summary),
        served_declined=summary.served is not None and summary.served.decline is not None,
        version=summary.pushed_version,
        blessed_by=summary.override.by if summary.override else None,
        blessed_at=summary.override.at if summary.override else None,
        blessed_because=summary.override.reason if summary.override else None,
        report=_report(summary, root, before),
    )


def _report(summary: Summary, root: str, before: IndexedRun | None) -> str | None:
    """Returns the path of the report, relative to the root; None if it has none, or if it is elsewhere."""
    path = summary.report_path
    if path and path.startswith(f"{root}/"):
        return path.removeprefix(f"{root}/")
    # The root was moved or copied since the run: the summary has the old path, the entry has the relative one.
    return before.report if path and before else None


def _started(name: str, folder: str) -> str:
    """Returns when a run without a known start began: from its id, or from its folder."""
    if re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z", name):
        start = datetime.datetime.strptime(name, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=datetime.UTC)
    else:
        seconds = 0.0
        with contextlib.suppress(Exception):  # A file system of an object store raises its own errors.
            seconds = storage.last_modified(folder)
        start = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return start.isoformat(timespec="seconds")


def _sentence(summary: Summary) -> str:
    text = " ".join(result_sentence(summary).split())
    if summary.status == "pushed" and not summary.override:
        # The first sentence compares the models; what brought the difference is in the run's own report.
        text = f"{text.partition('. ')[0].removesuffix('.')}."
    return text if len(text) <= _MAX_SENTENCE else f"{text[:_MAX_SENTENCE]}…"


def _metric(summary: Summary, name: str) -> IndexedMetric | None:
    both, intervals = summary.metrics, summary.intervals
    if both is None or name not in both.candidate:
        return None
    values = {
        model: metrics.get(name)
        for model, metrics in (
            ("candidate", both.candidate),
            ("baseline", both.baseline),
            ("served", both.served),
        )
        if metrics is not None
    }
    return IndexedMetric(**values, interval=intervals.of(name).candidate if intervals else None)


def _moved(summary: Summary) -> int | None:
    """Returns how many columns have moved, since any of the tables that the data was compared with."""
    drift = summary.drift
    return drift.moved if drift and drift.comparisons else None


def _blessed(runs: Iterable[IndexedRun]) -> Iterator[ManualPublication]:
    """Yields what persons blessed, also a model that was published already, whose card does not say so."""
    for run in runs:
        if run.blessed_by and run.blessed_at and run.version is not None:
            yield ManualPublication(
                version=run.version,
                run=run.run_id,
                by=run.blessed_by,
                at=run.blessed_at,
                reason=run.blessed_because or "",
            )


def _published(
    destination: Destination, before: Publication | None, manual: dict[int, ManualPublication]
) -> Publication | None:
    """Returns what is published at the destination, and adds what persons published there to `manual`."""
    try:
        store = version_store(destination)
        current = store.current()
        cards = {version: read_intact_card(store.path(version)) for version in store.versions()}
    except Exception as error:  # Each file system raises its own errors.
        _log.warning("It could not be read which version is published: %s", error)
        return before
    manual |= {version: found for version, card in cards.items() if (found := _manual(version, card))}
    if current is None:
        return None
    card, by_person = cards.get(current, {}), manual.get(current)
    publication = Publication(version=current, run=card.get("run"), published=card.get("published"))
    if by_person:
        publication = publication.model_copy(
            update=by_person.model_dump(include={"rolled_back_from", "by", "at", "reason"})
        )
    return publication


def _manual(version: int, card: Card) -> ManualPublication | None:
    """Returns who published a version by hand; None if the pipeline did."""
    # A rollback copies the card of the older version, which may have been blessed by hand.
    rollback, override = card.get("rollback"), card.get("override")
    if not (who := rollback or override):
        return None
    return ManualPublication(
        version=version,
        run=card.get("run"),
        rolled_back_from=rollback.get("from_version") if rollback else None,
        rolled_back_to=rollback.get("to_version") if rollback else None,
        by=who.get("by") or "",
        at=who.get("at") or "",
        reason=who.get("reason") or "",
    )


def _without_dead_links(index: IndexRecord, root: str) -> IndexRecord:
    """Returns the index without the reports that were removed; on an object store, each check would take a request."""
    if storage.is_remote(root):
        return index
    runs = tuple(
        run.model_copy(update={"report": None})
        if run.report and not storage.exists(f"{root}/{run.report}")
        else run
        for run in index.runs
    )
    return index.model_copy(update={"runs": runs})
