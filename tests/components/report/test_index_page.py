"""The page of all runs: what is said first, the trends, the table, its links, its size."""

import re
from typing import Any

import pytest

from components.common.index_record import (
    IndexedMetric,
    IndexedRun,
    IndexRecord,
    ManualPublication,
    Publication,
)
from components.report import index_page
from components.report.blocks import Chart, Link, TableBlock, TextBlock


def run(number: int, **changes: Any) -> IndexedRun:
    """A run of day `number` of May 2026 that pushed version 100 + number."""
    fields = {
        "run_id": f"r{number}",
        "started": f"2026-05-{number:02d}T02:00:00+00:00",
        "status": "pushed",
        "sentence": "Pushed: better than without regularization: log loss 0.39 against 0.51.",
        "label": "churned",
        "rows": 1000 + number,
        "label_rate": 0.25,
        "log_loss": {"candidate": 0.39, "baseline": 0.51, "interval": [0.35, 0.43]},
        "auc": {"candidate": 0.9, "baseline": 0.88, "interval": [0.86, 0.94]},
        "version": 100 + number,
        "report": f"artifacts/Report/report/{number}/report.html",
    }
    return IndexedRun.model_validate(fields | changes)


FAILED = IndexedRun(
    run_id="r2",
    started="2026-05-02T02:00:00+00:00",
    status="failed",
    sentence="Failed in Trainer: <script>alert(1)</script>",
)


def blocks(index: IndexRecord) -> dict[str, tuple[Any, ...]]:
    return {section.id: section.blocks for section in index_page._sections(index)}


def charts(index: IndexRecord) -> dict[str, Chart]:
    return {chart.id: chart for chart in blocks(index)["trends"]}


def test_what_is_said_first() -> None:
    """How the last run ended, also if it failed; and which version is published, of which run."""
    publication = Publication(version=101, run="r1", published="2026-05-01T02:10:00+00:00")
    now = blocks(IndexRecord(runs=(FAILED, run(1)), publication=publication))["now"]
    assert now == (
        TextBlock(f"The last run, 2026-05-02 02:00 UTC: {FAILED.sentence}", "bad"),
        TextBlock(
            "Version 101 is published, of the run of 2026-05-01 02:00 UTC; it was published on 2026-05-01 02:10 UTC."
        ),
    )


def test_drift_of_the_last_run_is_said_first() -> None:
    """Only of the last one: others may be long ago."""
    drifted = TextBlock("2 columns of its table have moved: see its report.", "bad")
    assert blocks(IndexRecord(runs=(run(2, drift=2), run(1))))["now"][1] == drifted
    assert drifted not in blocks(IndexRecord(runs=(run(2, drift=0), run(1, drift=2))))["now"]


def test_a_served_model_that_did_worse_than_when_it_was_published() -> None:
    """Labels that are wrong are seen nowhere else: the last run says it, and each such run in the table."""
    found = blocks(IndexRecord(runs=(run(2, served_declined=True), run(1))))
    assert found["now"][1].tone == "bad"
    assert "clearly worse on its rows than when it was published" in found["now"][1].text
    (table,) = found["runs"]
    note = " The model served before did worse than when it was published."
    assert [row[1] for row in table.rows] == [run(2).sentence + note, run(1).sentence]
    assert len(blocks(IndexRecord(runs=(run(2), run(1, served_declined=True))))["now"]) == 2


def test_a_rollback() -> None:
    """Who, from which version, why; in the table the run is marked that is published, and the one rolled back from."""
    publication = Publication(
        version=104,
        run="r1",
        rolled_back_from=103,
        by="ann",
        at="2026-05-04T09:00:00+00:00",
        reason="complaints",
    )
    found = blocks(IndexRecord(runs=(run(3), run(1)), publication=publication))
    assert found["now"][1].text == (
        "Version 104 is published, of the run of 2026-05-01 02:00 UTC. ann rolled back from version 103: complaints."
    )
    (table,) = found["runs"]
    assert [row[2] for row in table.rows] == ["103, rolled back from", "101, published now as 104"]
    assert table.good_rows == (1,)


def test_publications_by_hand() -> None:
    """Who, when, what and why; the run by its number on this page. What is published now says it too."""
    fields: dict[str, Any] = {"by": "ann", "at": "2026-05-04T09:00:00+00:00"}
    again = ManualPublication(version=104, run="r1", rolled_back_from=103, rolled_back_to=101, **fields)
    blessed = ManualPublication(version=103, run="r3", reason="recall matters more", **fields)
    publication = Publication(version=103, run="r3", reason="recall matters more", **fields)
    index = IndexRecord(runs=(run(3), run(1)), by_hand=(again, blessed), publication=publication)
    (table,) = blocks(index)["by-hand"]
    assert table.headers == ("when", "who", "what", "why")
    assert table.rows == (
        ("2026-05-04 09:00 UTC", "ann", "rolled back from version 103 to version 101 of run 1, as version 104", ""),
        (
            "2026-05-04 09:00 UTC", "ann", "published version 103 of run 2, which was not blessed",
            "recall matters more",
        ),
    )  # fmt: skip
    assert blocks(index)["now"][1].text.endswith(". ann published it by hand: recall matters more.")
    many = IndexRecord(by_hand=tuple(blessed.model_copy(update={"version": n}) for n in range(30, 0, -1)))
    newest, older = blocks(many)["by-hand"]
    assert (len(newest.rows), len(older.rows), older.summary) == (10, 20, "Older: 20")


def test_nothing_is_published_and_nothing_has_run() -> None:
    assert blocks(IndexRecord()) == {
        "now": (TextBlock("There is no run yet.", "quiet"), TextBlock("No version is published."))
    }


def test_the_table() -> None:
    """Newest first, with a link to each report, relative to the root; a column that no run fills is left out."""
    (table,) = blocks(IndexRecord(runs=(run(3, blessed_by="ann"), FAILED, run(1, drift=2))))["runs"]
    assert table.headers == (
        "run", "result", "version", "log loss", "baseline's", "AUC", "rows", "positive", "moved columns",
    )  # fmt: skip
    assert table.rows == (
        (
            Link("3: 2026-05-03 02:00 UTC", "artifacts/Report/report/3/report.html"), run(3).sentence,
            "103, blessed by ann", "0.3900", "0.5100", "0.9000", "1,003", "25.0%", "",
        ),
        ("2: 2026-05-02 02:00 UTC", FAILED.sentence, "", "", "", "", "", "", ""),
        (
            Link("1: 2026-05-01 02:00 UTC", "artifacts/Report/report/1/report.html"), run(1).sentence,
            "101", "0.3900", "0.5100", "0.9000", "1,001", "25.0%", "2",
        ),
    )  # fmt: skip
    assert table.bad_rows == (1,)


def test_the_trends() -> None:
    """A line has the runs that have a value, by their numbers in the table, with the candidate's intervals."""
    index = IndexRecord(
        runs=(run(3, drift=1, log_loss=None), FAILED, run(1, drift=0)),
        publication=Publication(version=101, run="r1"),
    )
    found = charts(index)
    assert list(found) == ["trend-log-loss", "trend-auc", "trend-rows", "trend-label-rate", "trend-drift"]
    candidate, baseline = found["trend-auc"].lines
    assert (candidate.x, candidate.y) == ((1.0, 3.0), (0.9, 0.9))
    assert (candidate.low, candidate.high) == ((0.86, 0.86), (0.94, 0.94))
    assert (baseline.name, baseline.low) == ("baseline", ())
    assert found["trend-log-loss"].lines[0].x == (1.0,)
    assert found["trend-rows"].lines[0].y == (1001.0, 1003.0)
    assert found["trend-label-rate"].lines[0].y == (25.0, 25.0)
    assert found["trend-drift"].lines[0].y == (0.0, 1.0)
    assert found["trend-drift"].mark == (1.0, "published now")
    assert found["trend-rows"].text == "all rows, last: 1,003."


def test_everything_is_escaped() -> None:
    """Texts of a run, and the address of a report, which can only lead to a path below the root."""
    page = index_page.render(
        IndexRecord(runs=(FAILED, run(1, report="javascript:alert(1)/<x>"))), "/runs/<b>root</b>"
    )
    assert "<script>alert(1)" not in page
    assert "<b>root" not in page
    assert 'href="javascript%3Aalert%281%29/%3Cx%3E"' in page


def test_a_thousand_runs_and_more() -> None:
    """The newest 1,000 of 1,300 are shown, 10 of them expanded; the page is below 3 MB. Many points have no dots."""
    runs = tuple(
        run(1).model_copy(update={"run_id": f"r{n}", "started": f"2026-05-01T02:00:{n:04d}"})
        for n in range(1_300)
    )
    index = IndexRecord(runs=runs)
    page = index_page.render(index, "/runs")
    assert len(page.encode()) < 3_000_000
    assert "1,300 runs under /runs, the newest 1,000 of them are shown" in page
    newest, older = blocks(index)["runs"]
    assert isinstance(newest, TableBlock)
    assert (len(newest.rows), len(older.rows), older.summary) == (10, 990, "Older runs: 990")
    assert newest.rows[0][0] == Link("1300: 2026-05-01T02:00:0000", "artifacts/Report/report/1/report.html")
    line = charts(index)["trend-auc"].lines[0]
    assert (len(line.x), line.dots, line.low) == (1_000, False, ())


@pytest.mark.parametrize("label", [None, "churned"])
def test_the_title(label: str | None) -> None:
    """It has the label, as soon as a run has read one."""
    page = index_page.render(IndexRecord(runs=(FAILED, run(1, label=label))), "/runs")
    assert re.findall("<h1>(.*)</h1>", page) == ["All runs, label &#39;churned&#39;" if label else "All runs"]


def test_undefined_metrics() -> None:
    """They are empty in the table, and gaps in the trends."""
    undefined = IndexedMetric(candidate=float("nan"), baseline=0.5)
    index = IndexRecord(runs=(run(1, auc=undefined.model_dump()),))
    (table,) = blocks(index)["runs"]
    assert "AUC" not in table.headers
    assert [line.name for line in charts(index)["trend-auc"].lines] == ["baseline"]
