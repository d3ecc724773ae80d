"""The page of all runs in a real browser (headless Chromium): thirty nights, of which some went wrong."""

from pathlib import Path
from typing import Any, TypeAlias

import pytest

from components.common.index_record import IndexedRun, IndexRecord, ManualPublication, Publication
from components.report.index_page import render

Visit: TypeAlias = Any  # of conftest.py
SCRIPT = "<script>alert(1)</script>"
BAD: dict[int, dict[str, Any]] = {
    11: {"status": "data_refused", "sentence": "Data refused: the column 'age' has text in 63% of its rows."},
    22: {
        "status": "failed",
        "sentence": f"Failed in Trainer: ResourceExhaustedError: {SCRIPT} {'tensor' * 20}",
    },
    26: {
        "status": "unfinished",
        "sentence": "No result: the run is not over, or it was interrupted or killed.",
    },
    30: {"status": "not_blessed", "sentence": "Not blessed: the AUC is 0.55, not at least 0.6."},
}


def night(number: int) -> IndexedRun:
    fields = {
        "run_id": f"r{number}",
        "started": f"2026-05-{number:02d}T02:00:00+00:00",
        "status": "pushed",
        "sentence": "Pushed: better than without regularization: log loss 0.3919 against 0.5113.",
        "label": "churned",
        "rows": 5_000 + 37 * number,
        "label_rate": 0.2 + 0.003 * number,
        "log_loss": {"candidate": 0.39 + 0.001 * number, "baseline": 0.51, "interval": [0.35, 0.43]},
        "auc": {"candidate": 0.9 - 0.001 * number, "baseline": 0.86, "interval": [0.85, 0.93]},
        "drift": number // 29,
        "version": 1_795_000_000 + 86_400 * number,
        "report": f"artifacts/Report/report/{number}/report.html",
    }
    early = {"log_loss": None, "auc": None, "version": None, "report": None} if number in (11, 22, 26) else {}
    return IndexedRun.model_validate(fields | BAD.get(number, {}) | early)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    publication = Publication(
        version=1_799_999_999,
        run="r27",
        rolled_back_from=1_795_000_000 + 86_400 * 29,
        by="ann",
        reason="complaints",
    )
    who: dict[str, Any] = {"by": "ann", "at": "2026-05-30T09:00:00+00:00", "reason": "complaints"}
    manual = ManualPublication(
        version=1_799_999_999, run="r27", rolled_back_from=publication.rolled_back_from, **who
    )
    runs = tuple(night(number) for number in range(30, 0, -1))
    index = IndexRecord(runs=runs, publication=publication, by_hand=(manual,))
    path = tmp_path_factory.mktemp("root") / "index.html"
    path.write_text(render(index, "/home/ann/churn_runs"), encoding="utf-8")
    report = path.parent / "artifacts" / "Report" / "report" / "29" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("<title>night 29</title>", encoding="utf-8")
    return path


@pytest.mark.parametrize("screen", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_and_quiet(visit: Visit, file: Path, screen: str, scheme: str) -> None:
    """All trends are drawn; nothing is wider than the screen, scrolled sideways, logged, fetched, or hard to read."""
    opened = visit(file, screen, scheme)
    assert [chart["id"] for chart in opened.charts()] == [
        "trend-log-loss", "trend-auc", "trend-rows", "trend-label-rate", "trend-drift",
    ]  # fmt: skip
    assert not opened.is_wider_than_the_screen()
    assert opened.scrolled_tables() == []
    assert opened.is_quiet(), (opened.logged, opened.requested)
    assert min(opened.contrasts("h1, h2, h3, p, a:not(.skip), th, td, figcaption, caption")) >= 4.5


@pytest.mark.parametrize("screen", ["phone", "desktop"])
def test_nothing_overlaps(visit: Visit, file: Path, screen: str) -> None:
    """No two of the headings, texts, charts and rows share a part of the page."""
    boxes = visit(file, screen).page.evaluate(
        "[...document.querySelectorAll('h1, h2, header p, main p, figure, #runs caption, #runs tbody tr')]"
        ".filter((e) => e.checkVisibility({contentVisibilityAuto: true})).map((e) => "
        "{ const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; })"
    )
    assert len(boxes) > 20
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            # Half a pixel, because the sizes are rounded.
            apart = (
                other[0] >= right - 0.5
                or other[2] <= left + 0.5
                or other[1] >= bottom - 0.5
                or other[3] <= top + 0.5
            )
            assert apart, (number, other)


def test_what_it_says(visit: Visit, file: Path) -> None:
    """The last night first; the published run and the one rolled back from are marked; links lead to the reports."""
    opened = visit(file, "desktop")
    page = opened.page
    assert page.locator(".headline").inner_text() == (
        "The last run, 2026-05-30 02:00 UTC: Not blessed: the AUC is 0.55, not at least 0.6."
    )
    rows = page.locator("#runs tbody tr")
    assert rows.count() == 30
    assert "published now as 1799999999" in page.locator("#runs tr.good").inner_text()
    assert "rolled back from" in rows.nth(1).inner_text()
    assert page.locator("#runs tr.bad").count() == 3
    assert SCRIPT in rows.nth(8).inner_text()
    rows.nth(1).get_by_role("link").click()
    assert page.title() == "night 29"
