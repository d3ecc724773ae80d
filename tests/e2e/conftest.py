"""Fixtures: whole runs, each in a process of its own, and a browser to test their reports."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.cluster import IMAGE
from tests.e2e.forked_run import run_forked
from tests.e2e.needs import lacking

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium (apt-get install chromium)"
# No sandbox, as the tests may run as root in a container, and no background requests.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHARTS = """[...document.querySelectorAll("[data-chart]")].filter((chart) => {
  return !chart.closest("details:not([open])");
}).map((chart) => {
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
# The WCAG contrast of two colours as computed by the browser.
CONTRASTS = """(selector) => {
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


@dataclass(frozen=True)
class Completed:
    """The exit code of a run and its output: `summary` from standard output, `verdict` from standard error."""

    code: int
    summary: dict[str, Any]
    verdict: str

    def cached(self) -> list[str]:
        """Returns the names of the steps that were taken from the cache."""
        return [step["name"] for step in self.summary["steps"] if step["cached"]]

    def ran(self) -> list[str]:
        """Returns the names of the steps that were executed."""
        return [step["name"] for step in self.summary["steps"] if step["status"] == "done"]


class Runner:
    """A callable that runs the pipeline with --json under a root, in a process of its own.

    That is a fork of a process with all imports. With `as_a_user`, Python starts anew, as it does for a user: for the
    sample with defaults, and for runs on a cluster, which speak gRPC with other processes.
    """

    sample = Path(__file__).parents[2] / "data" / "sample.csv"
    # Few epochs and loose thresholds, for tests of the pipeline and not of the network.
    quick = tuple(
        word
        for setting in ("training.epochs=12", "evaluation.max_log_loss_rise=9", "evaluation.max_auc_drop=1")
        for word in ("--set", setting)
    )

    def command(self, *arguments: object) -> list[str]:
        """Returns a command line."""
        return [sys.executable, "-m", "pipeline_def.cli", *map(str, arguments)]

    def regpipe(self, *arguments: object, seconds: float = 600) -> "subprocess.CompletedProcess[str]":
        """Runs a command in a fork of a process with all imports; returns its exit code and outputs."""
        return run_forked([str(word) for word in arguments], seconds)

    def __call__(
        self, root: Path, *arguments: object, seconds: float = 600, as_a_user: bool = False
    ) -> Completed:
        words = ("run", "--root", root, "--json", *arguments)
        if as_a_user:
            done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=seconds)
        else:
            done = self.regpipe(*words, seconds=seconds)
        assert done.stdout, done.stderr
        return Completed(done.returncode, json.loads(done.stdout), done.stderr)


@pytest.fixture(scope="session")
def run() -> Runner:
    return Runner()


@pytest.fixture(scope="session")
def published(run: Runner, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The root and the run of the sample that pushed a model; tests leave what is served as it is."""
    root = tmp_path_factory.mktemp("published")
    done = run(root, *run.quick, "--set", "evaluation.operating_point.maximize=f1")
    assert done.code == 0, done.verdict
    return root, done


@pytest.fixture(scope="session")
def docker_client() -> Iterator[Any]:
    """A client of a Docker engine that has the image of the pipeline's steps."""
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if engine.startswith("unix://") and not Path(engine.removeprefix("unix://")).exists():
        # Without this check the client would leave a socket open, which fails the next test.
        lacking(f"a Docker engine with the image {IMAGE}: there is no {engine}")
    try:
        client = docker.from_env()
        client.images.get(IMAGE)
    except docker.errors.DockerException as error:
        lacking(f"a Docker engine with the image {IMAGE}: {error}")
    yield client
    client.close()


class Opened:
    """A page in Chromium with painted charts; `logged` has its console messages and dialogs, `requested` its URLs."""

    def __init__(self, page: Page, file: Path, *, unfold: bool) -> None:
        self.page = page
        self.logged: list[str] = []
        self.requested: list[str] = []
        self._url = file.as_uri()
        page.on("console", lambda message: self.logged.append(message.text))
        page.on("pageerror", lambda error: self.logged.append(str(error)))
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("dialog", lambda dialog: self.logged.append(f"dialog {dialog.message}"))
        page.goto(self._url)
        page.wait_for_selector("html[data-charts=drawn]", timeout=30_000)
        if unfold:
            page.evaluate("for (const fold of document.querySelectorAll('details.fold')) fold.open = true")
        # BokehJS paints in the frame after the one in which it lays out.
        self.wait_for_charts()

    def wait_for_charts(self) -> None:
        """Waits until every chart that is not in a collapsed section is painted."""
        self.page.wait_for_function(f"() => {CHARTS}.every((chart) => chart.painted)", timeout=30_000)

    def is_quiet(self) -> bool:
        """Returns whether there are no console messages and no requests except that for the page."""
        return self.logged == [] and [url for url in self.requested if not url.startswith("data:")] == [
            self._url
        ]

    def is_wider_than_the_screen(self) -> bool:
        """Returns whether the page as a whole scrolls horizontally."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def scrolled_tables(self) -> list[str]:
        """Returns the captions of the tables that are wider than their place, so that somebody has to scroll them."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)"
            ".map((box) => box.querySelector('caption').textContent)"
        )
        return found

    def charts(self) -> list[dict[str, Any]]:
        """Returns each chart's `id`, its `width` and `height` in pixels, and whether it is `painted`."""
        found: list[dict[str, Any]] = self.page.evaluate(CHARTS)
        return found

    def contrasts(self, selector: str) -> list[float]:
        """Returns the contrast of each matching element's text against the page, from 1 to 21."""
        found: list[float] = self.page.evaluate(CONTRASTS, selector)
        return found


class Visitor:
    """A callable that opens a file in Chromium, on a `phone` or a `desktop`, in `light` or `dark` mode.

    With `unfold` all collapsed sections are opened.
    """

    screens = {"phone": {"width": 375, "height": 800}, "desktop": {"width": 1280, "height": 900}}  # noqa: RUF012

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def __call__(self, file: Path, screen: str, scheme: Any = "light", *, unfold: bool = True) -> Opened:
        viewport: Any = self.screens[screen]
        page = self._browser.new_page(viewport=viewport, color_scheme=scheme)
        return Opened(page, file, unfold=unfold)

    def close(self) -> None:
        """Closes all pages."""
        for context in self._browser.contexts:
            context.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visitor]:
    visitor = Visitor(browser)
    yield visitor
    visitor.close()
