"""The report in a real browser, headless Chromium: drawn, readable, quiet, and cut off from the network."""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from components.report.page import render

Run: TypeAlias = Any  # of conftest.py
MADE = Path(__file__).parents[1] / "components" / "report" / "made.py"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium (apt-get install chromium)"
# No sandbox, for root in a container; and Chromium keeps to itself what it would tell its makers.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, DESKTOP = {"width": 360, "height": 800}, {"width": 1280, "height": 900}
SECTIONS = [
    "Verdict", "Candidate beside baseline", "Learning curves", "Generalization gap",
    "What regularization did to the weights", "Predictions on the test split", "Slices", "Data", "Configuration",
    "Lineage",
]  # fmt: skip
CHARTS = """[...document.querySelectorAll("[data-chart]")].map((chart) => {
  const found = [];
  const look = (node) => {
    for (const inner of node.querySelectorAll("*")) {
      if (inner.localName === "canvas") found.push(inner);
      if (inner.shadowRoot) look(inner.shadowRoot);
    }
  };
  look(chart);
  const painted = found.some((canvas) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    if (!copy.width || !copy.height) return false;
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, copy.width, copy.height).data.some((value) => value);
  });
  return { id: chart.dataset.chart, width: chart.clientWidth, height: chart.clientHeight, painted };
})"""
# WCAG's contrast of two colours as the browser computed them.
CONTRAST = """(selector) => {
  const light = (colour) => {
    const channels = colour.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll(selector)].map((element) => {
    const text = light(getComputedStyle(element).color);
    return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
  });
}"""


class Opened:
    """A page, with what it told the console and what it asked the network for."""

    def __init__(self, browser: Browser, file: Path, **options: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page: Page = browser.new_page(**options)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.said.append(f"dialog {dialog.message}"))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-charts=drawn]", timeout=30_000)
        # BokehJS paints in the frame after the one in which it lays out.
        self.page.wait_for_function(f"{CHARTS}.every((chart) => chart.painted)", timeout=30_000)

    def is_quiet(self, file: Path) -> bool:
        """Nothing on the console; no request but the one for the page."""
        return self.said == [] and [url for url in self.asked if not url.startswith("data:")] == [
            file.as_uri()
        ]


@pytest.fixture(scope="module")
def made() -> Any:
    spec = importlib.util.spec_from_file_location("made", MADE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(made.evidence()), encoding="utf-8")
    return path


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_and_quiet(browser: Browser, file: Path, viewport: Any, scheme: Any) -> None:
    """Every section and chart is there, no chart without size, nothing is wider than the screen, nothing is fetched."""
    opened = Opened(browser, file, viewport=viewport, color_scheme=scheme)
    page = opened.page
    assert page.locator("main h2").all_inner_texts() == SECTIONS
    charts = page.evaluate(CHARTS)
    assert len(charts) == 8
    for chart in charts:
        assert chart["width"] >= 300
        assert chart["height"] >= 250
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert opened.is_quiet(file), (opened.said, opened.asked)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_can_be_read(browser: Browser, file: Path, scheme: Any) -> None:
    """The contrast of all text against the page is at least 4.5 to 1 (WCAG 2.2, AA)."""
    opened = Opened(browser, file, viewport=DESKTOP, color_scheme=scheme)
    contrasts = opened.page.evaluate(
        CONTRAST, "h1, h2, h3, p, a:not(.skip), th, td, summary, figcaption, caption"
    )
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5
    opened.page.close()


def test_the_charts_follow_when_the_colours_change(browser: Browser, file: Path) -> None:
    """A phone that turns dark in the evening: the charts are drawn again, once each, and without a word."""
    opened = Opened(browser, file, viewport=PHONE, color_scheme="light")
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
    assert opened.is_quiet(file), opened.said
    opened.page.close()


def test_the_keyboard_reaches_everything(browser: Browser, file: Path) -> None:
    """The first stop skips to the report; tables that scroll can be reached, and a folded table opens with Enter."""
    opened = Opened(browser, file, viewport=PHONE)
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
    page.close()


def test_a_screen_reader_finds_names_for_charts_and_tables(browser: Browser, file: Path) -> None:
    """By role and name, as a screen reader lists them."""
    opened = Opened(browser, file, viewport=DESKTOP)
    page = opened.page
    assert page.get_by_role("img", name="ROC curve").count() == 1
    assert page.get_by_role("table", name="Metrics on the test split").count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    assert page.get_by_role("main").count() == 1
    page.close()


def test_a_name_that_is_a_script_does_not_run(browser: Browser, file: Path, made: Any) -> None:
    """It is shown as it is spelled; nothing opened a dialog."""
    opened = Opened(browser, file, viewport=DESKTOP)
    assert made.NASTY in opened.page.locator("#weights").inner_text()
    assert opened.is_quiet(file), opened.said
    opened.page.close()


def test_a_script_that_slipped_through_would_be_stopped(browser: Browser, file: Path, tmp_path: Path) -> None:
    """The page's policy lets only its own scripts run: one written into it by hand is refused."""
    broken = tmp_path / "broken.html"
    text = file.read_text(encoding="utf-8")
    broken.write_text(
        text.replace("<main", "<script>document.title = 'taken over'</script><main", 1), encoding="utf-8"
    )
    opened = Opened(browser, broken, viewport=DESKTOP)
    assert opened.page.title() == "churn: 20261120T120000.000000Z"
    assert "Content Security Policy" in opened.said[0]
    opened.page.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


def test_a_whole_run_has_its_report(run: Run, root: Path, browser: Browser) -> None:
    """The page of a real run: its path is in the summary, on the terminal and printed by `regpipe report`."""
    done = run(root, *run.quick)
    assert done.code == 0, done.verdict
    file = Path(done.summary["report_path"])
    assert f"Report    {file}" in done.verdict.splitlines()
    found = subprocess.run(run.command("report", "--root", root), capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, f"{file}\n")
    assert file.stat().st_size < 6_000_000
    opened = Opened(browser, file, viewport=PHONE)
    page = opened.page
    assert page.locator("main h2").all_inner_texts() == SECTIONS
    assert page.locator(".headline").inner_text().startswith("Pushed: ")
    assert done.summary["run_id"] in page.locator("h1").inner_text()
    # No step left its section without data: the only quiet sentence is that no slices were asked for.
    assert page.locator("p.quiet").all_inner_texts() == [
        "None were asked for; evaluation.slices divides the test split by ranges of a feature."
    ]
    assert page.locator("[data-chart]").count() == 9
    assert "10 steps before this one, 0 from the cache." in page.locator("#lineage").inner_text()
    assert opened.is_quiet(file), opened.said
    page.close()


def test_the_next_run_has_a_page_of_its_own(run: Run, root: Path, browser: Browser) -> None:
    """All from the cache, and not blessed this time: the page says both, and the older page is still there."""
    again = run(root, *run.quick, "--set", "evaluation.min_auc=0.99")
    assert again.code == 4, again.verdict
    assert again.ran() == ["Evaluator", "Pusher", "Report"]
    file = Path(again.summary["report_path"])
    opened = Opened(browser, file, viewport=DESKTOP)
    headline = opened.page.locator(".headline").inner_text()
    assert headline.startswith("Not blessed: the AUC is 0.")
    assert headline.endswith("Nothing was published.")
    assert opened.page.locator("tr.bad").count() == 1
    assert "10 steps before this one, 8 from the cache." in opened.page.locator("#lineage").inner_text()
    opened.page.close()
    listed = subprocess.run(run.command("runs", "--root", root), capture_output=True, text=True).stdout
    first = listed.splitlines()[-1].split()[0]
    older = subprocess.run(
        run.command("report", "--root", root, "--run", first), capture_output=True, text=True
    )
    assert Path(older.stdout.strip()).is_file()
    assert older.stdout.strip() != str(file)


def test_an_override_shows_in_the_report(run: Run, root: Path, browser: Browser) -> None:
    """`regpipe bless` makes the page of that run anew: who, why, and that the Evaluator did not agree."""
    found = subprocess.run(run.command("runs", "--root", root, "--json"), capture_output=True, text=True)
    newest = json.loads(found.stdout)[0]["run_id"]
    options = ["--root", root, "--run", newest, "--by", "ada", "--reason", "<b>it is good</b> enough"]
    blessed = subprocess.run(run.command("bless", *options), capture_output=True, text=True)
    assert blessed.returncode == 0, blessed.stderr
    shown = subprocess.run(
        run.command("report", "--root", root, "--run", newest), capture_output=True, text=True
    )
    opened = Opened(browser, Path(shown.stdout.strip()), viewport=DESKTOP)
    headline = opened.page.locator(".headline").inner_text()
    assert headline.startswith("Not blessed by the Evaluator (the AUC is 0.")
    assert headline.endswith(", but by hand.")
    verdict = opened.page.locator("#verdict").inner_text()
    assert "Blessed by hand by ada, " in verdict
    assert "The reason given: <b>it is good</b> enough" in verdict
    assert f"The model is in {root / 'serving'}/" in verdict
    # The rest is as it was when the run was.
    assert "10 steps before this one, 8 from the cache." in opened.page.locator("#lineage").inner_text()
    opened.page.close()


def test_no_report_is_said_in_a_sentence(run: Run, root: Path, tmp_path: Path) -> None:
    """A root without runs, and an id that is not there: exit 2."""
    nothing = subprocess.run(run.command("report", "--root", tmp_path), capture_output=True, text=True)
    assert nothing.returncode == 2
    assert nothing.stderr == f"regpipe: {tmp_path}: no run yet (expected {tmp_path / 'metadata.sqlite'}).\n"
    unknown = subprocess.run(
        run.command("report", "--root", root, "--run", "never"), capture_output=True, text=True
    )
    assert unknown.returncode == 2
    assert unknown.stderr == f"regpipe: {root}: run never has no report; a run that stops early makes none.\n"
