"""The report in a real browser (headless Chromium): it is drawn and readable, logs nothing and fetches nothing."""

import importlib.util
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from components.report.run_page import render

Visit: TypeAlias = Any  # of conftest.py
SAMPLE_RUN = Path(__file__).parents[1] / "components" / "report" / "sample_run.py"
SECTIONS = [
    "Verdict", "What changed since the last run", "Thresholds", "The models compared", "Learning curves",
    "Generalization gap", "Features", "What regularization did to the weights", "Predictions on the test split",
    "Slices", "Drift", "Data", "Configuration", "Lineage",
]  # fmt: skip


@pytest.fixture(scope="module")
def sample() -> Any:
    spec = importlib.util.spec_from_file_location("sample_run", SAMPLE_RUN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def file(sample: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(sample.run()), encoding="utf-8")
    return path


@pytest.mark.parametrize("screen", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_and_quiet(visit: Visit, file: Path, screen: str, scheme: str) -> None:
    """Every section and chart is there and has a size; nothing is wider than the screen, logged or fetched."""
    opened = visit(file, screen, scheme)
    assert opened.page.locator("main h2").all_inner_texts() == SECTIONS
    charts = opened.charts()
    assert len(charts) == 11
    for chart in charts:
        assert chart["width"] >= 300
        assert chart["height"] >= 190
    assert not opened.is_wider_than_the_screen()
    assert opened.is_quiet(), (opened.logged, opened.requested)


def test_the_first_page_has_the_verdict_and_what_changed(visit: Visit, file: Path) -> None:
    """All other sections are collapsed: their main numbers are visible, their tables and charts are not drawn yet."""
    opened = visit(file, "phone", unfold=False)
    page = opened.page
    assert page.locator("details.fold").count() == len(SECTIONS) - 2
    assert page.locator("details.fold[open]").count() == 0
    assert page.locator(".fold > summary .number").all_inner_texts()[0] == "1 of 2 passed"
    assert [chart["id"] for chart in opened.charts()] == ["difference-log-loss", "difference-auc"]
    assert page.locator("#changes table").first.is_visible()
    assert not page.locator("#comparison table").first.is_visible()
    assert opened.is_quiet(), opened.logged


def test_a_link_opens_the_section_that_it_leads_to(visit: Visit, file: Path) -> None:
    """In the navigation, also when it was closed again, and in an address; its charts are then drawn."""
    opened = visit(file, "desktop", unfold=False)
    page = opened.page
    for _ in range(2):
        page.get_by_role("navigation").get_by_text("Predictions on the test split").click()
        page.wait_for_selector("#predictions > details[open]")
        opened.wait_for_charts()
        assert {"roc", "precision-recall", "calibration"} <= {chart["id"] for chart in opened.charts()}
        page.locator("#predictions > details > summary").click()
        page.wait_for_selector("#predictions > details:not([open])")
    page.goto("about:blank")
    page.goto(f"{file.as_uri()}#weights")
    page.wait_for_selector("#weights > details[open]")
    assert page.locator("details.fold[open]").count() == 1


def test_nobody_scrolls_a_table_on_a_phone(visit: Visit, file: Path) -> None:
    """The cells of wide tables are below each other, with the header of their column beside them."""
    opened = visit(file, "phone")
    assert opened.scrolled_tables() == []
    cell = opened.page.locator("#comparison td").nth(4)
    assert cell.evaluate("(cell) => getComputedStyle(cell, '::before').content") == '"difference"'
    boxes = [
        opened.page.locator("#comparison tbody tr").first.locator("td").nth(n).bounding_box() for n in (0, 1)
    ]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_contrast_of_the_text(visit: Visit, file: Path, scheme: str) -> None:
    """The contrast of all text against the page is at least 4.5 to 1 (WCAG 2.2, AA)."""
    contrasts = visit(file, "desktop", scheme).contrasts(
        "h1, h2, h3, p, a:not(.skip), th, td, summary, .number, figcaption, caption"
    )
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


def test_the_charts_follow_the_colour_scheme(visit: Visit, file: Path) -> None:
    """When the device switches to dark mode, each chart is redrawn once, and nothing is logged."""
    opened = visit(file, "phone")
    before = opened.page.locator("[data-chart=roc]").screenshot()
    opened.page.emulate_media(color_scheme="dark")
    opened.page.wait_for_timeout(1_500)
    assert opened.page.locator("[data-chart=roc]").screenshot() != before
    assert (
        opened.page.evaluate(
            "[...document.querySelectorAll('[data-chart]')].map((c) => c.querySelectorAll('.bk-Figure').length)"
        )
        == [1] * 11
    )
    assert opened.is_quiet(), opened.logged


def test_the_keyboard_reaches_everything(visit: Visit, file: Path) -> None:
    """The first stop skips to the report; a few stops later is the first table; a section opens with Enter."""
    opened = visit(file, "phone", unfold=False)
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    roles = []
    for _ in range(5):
        page.keyboard.press("Tab")
        roles.append(page.evaluate("document.activeElement.getAttribute('role')"))
    assert "region" in roles
    details = page.locator("details.fold").first
    assert details.get_attribute("open") is None
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert details.locator("table").first.is_visible()


def test_a_screen_reader_finds_names_for_charts_and_tables(visit: Visit, file: Path) -> None:
    """They have the roles and names that a screen reader lists."""
    page = visit(file, "desktop").page
    assert page.get_by_role("img", name="ROC curve").count() == 1
    assert page.get_by_role("table", name="Metrics on the test split").count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    assert page.get_by_role("main").count() == 1


def test_a_script_in_a_name_does_not_run(visit: Visit, file: Path, sample: Any) -> None:
    """The name is shown as text; no dialog was opened."""
    opened = visit(file, "desktop")
    assert sample.SCRIPT in opened.page.locator("#features").inner_text()
    assert opened.is_quiet(), opened.logged


def test_the_policy_blocks_an_injected_script(visit: Visit, file: Path, tmp_path: Path) -> None:
    """The content security policy of the page allows only its own scripts; one added by hand is blocked."""
    broken = tmp_path / "broken.html"
    text = file.read_text(encoding="utf-8")
    broken.write_text(
        text.replace("<main", "<script>document.title = 'taken over'</script><main", 1), encoding="utf-8"
    )
    opened = visit(broken, "desktop")
    assert opened.page.title() == "churn.csv, label 'churned', 2026-11-20 12:00 UTC"
    assert "Content Security Policy" in opened.logged[0]
