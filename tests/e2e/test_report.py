"""The report in a real browser, headless Chromium: drawn, readable, quiet, and cut off from the network."""

import importlib.util
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from components.report.run_page import render

Visit: TypeAlias = Any  # of conftest.py
MADE = Path(__file__).parents[1] / "components" / "report" / "made.py"
SECTIONS = [
    "Verdict", "Candidate beside baseline", "Learning curves", "Generalization gap",
    "What regularization did to the weights", "Predictions on the test split", "Slices", "Data", "Configuration",
    "Lineage",
]  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Any:
    spec = importlib.util.spec_from_file_location("made", MADE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def file(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(made.run()), encoding="utf-8")
    return path


@pytest.mark.parametrize("screen", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_and_quiet(visit: Visit, file: Path, screen: str, scheme: str) -> None:
    """Every section and chart is there, no chart without size, nothing is wider than the screen, nothing is fetched."""
    opened = visit(file, screen, scheme)
    assert opened.page.locator("main h2").all_inner_texts() == SECTIONS
    charts = opened.charts()
    assert len(charts) == 8
    for chart in charts:
        assert chart["width"] >= 300
        assert chart["height"] >= 250
    assert not opened.is_wider_than_the_screen()
    assert opened.is_quiet(), (opened.said, opened.asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_can_be_read(visit: Visit, file: Path, scheme: str) -> None:
    """The contrast of all text against the page is at least 4.5 to 1 (WCAG 2.2, AA)."""
    contrasts = visit(file, "desktop", scheme).contrasts(
        "h1, h2, h3, p, a:not(.skip), th, td, summary, figcaption, caption"
    )
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


def test_the_charts_follow_when_the_colours_change(visit: Visit, file: Path) -> None:
    """A phone that turns dark in the evening: the charts are drawn again, once each, and without a word."""
    opened = visit(file, "phone")
    before = opened.page.locator("[data-chart=roc]").screenshot()
    opened.page.emulate_media(color_scheme="dark")
    opened.page.wait_for_timeout(1_500)
    assert opened.page.locator("[data-chart=roc]").screenshot() != before
    assert (
        opened.page.evaluate(
            "[...document.querySelectorAll('[data-chart]')].map((c) => c.querySelectorAll('.bk-Figure').length)"
        )
        == [1] * 8
    )
    assert opened.is_quiet(), opened.said


def test_the_keyboard_reaches_everything(visit: Visit, file: Path) -> None:
    """The first stop skips to the report; tables that scroll can be reached, and a folded table opens with Enter."""
    opened = visit(file, "phone")
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
    details = page.locator("details").first
    assert details.get_attribute("open") is None
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert details.locator("table").is_visible()


def test_a_screen_reader_finds_names_for_charts_and_tables(visit: Visit, file: Path) -> None:
    """By role and name, as a screen reader lists them."""
    page = visit(file, "desktop").page
    assert page.get_by_role("img", name="ROC curve").count() == 1
    assert page.get_by_role("table", name="Metrics on the test split").count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    assert page.get_by_role("main").count() == 1


def test_a_name_that_is_a_script_does_not_run(visit: Visit, file: Path, made: Any) -> None:
    """It is shown as it is spelled; nothing opened a dialog."""
    opened = visit(file, "desktop")
    assert made.NASTY in opened.page.locator("#weights").inner_text()
    assert opened.is_quiet(), opened.said


def test_a_script_that_slipped_through_would_be_stopped(visit: Visit, file: Path, tmp_path: Path) -> None:
    """The page's policy lets only its own scripts run: one written into it by hand is refused."""
    broken = tmp_path / "broken.html"
    text = file.read_text(encoding="utf-8")
    broken.write_text(
        text.replace("<main", "<script>document.title = 'taken over'</script><main", 1), encoding="utf-8"
    )
    opened = visit(broken, "desktop")
    assert opened.page.title() == "churn: 20261120T120000.000000Z"
    assert "Content Security Policy" in opened.said[0]
