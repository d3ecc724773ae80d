"""The page as a whole: escaping, structure, content security policy, size, and missing artifacts."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.common.ingest_record import FileCounts
from components.common.verdict_record import Verdict
from components.report.blocks import TableBlock
from components.report.html import script_json
from components.report.run_artifacts import RunArtifacts
from components.report.run_page import render, sections

IDS = [
    "verdict", "changes", "thresholds", "comparison", "training", "gap", "features", "weights", "predictions", "slices",
    "drift", "data", "configuration", "lineage",
]  # fmt: skip


class Elements(HTMLParser):
    """All elements with their attributes, and the content of the inline scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.all[-1] if self.all else ("", {})
        if tag == "script" and attributes.get("type") is None and data.strip():
            self.scripts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.all if name == tag]


@pytest.fixture(scope="module")
def page(sample: Any) -> str:
    return render(sample.run())


@pytest.fixture(scope="module")
def elements(page: str) -> Elements:
    return Elements(page)


def test_a_script_in_a_name_is_escaped(page: str, sample: Any) -> None:
    """The name is in a table, a slice, a reason, a warning, a path and a value, and never an HTML element."""
    assert sample.SCRIPT not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8


def test_json_can_not_close_its_script_element() -> None:
    """Every character with a meaning in HTML is written as a JSON escape sequence."""
    text = script_json({"a": "</script><!-- & \u2028"})
    assert text == '{"a": "\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028"}'
    assert json.loads(text) == {"a": "</script><!-- & \u2028"}


def test_a_diverged_training(sample: Any) -> None:
    """A history that ends with NaN and infinity can't be drawn, but is shown in a table."""
    history = [{"epoch": 1, "loss": float("nan"), "val_loss": float("inf")}]
    page = render(sample.run(candidate=sample.TrainingArtifacts(history, None)))
    assert ">NaN</td>" in page


def test_the_same_run_gives_the_same_page(sample: Any, page: str) -> None:
    """The pages are equal byte by byte."""
    assert render(sample.run()) == page


def test_the_order_of_the_sections(sample: Any) -> None:
    """It is from the verdict to the lineage, even if all artifacts are missing."""
    for run in (sample.run(), RunArtifacts(config={})):
        assert [section.id for section in sections(run)] == IDS


def test_no_heading_level_is_skipped(elements: Elements) -> None:
    """There is one h1; each section has an h2, and each chart in it an h3."""
    levels = [int(tag[1]) for tag, _ in elements.all if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels.count(2) == len(IDS)
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))


def test_every_table_has_a_caption_and_headers_with_a_scope(elements: Elements) -> None:
    """Screen readers read them out with each cell."""
    assert len(elements.named("caption")) == len(elements.named("table")) >= 12
    assert all(head["scope"] in ("col", "row") for head in elements.named("th"))


def test_every_chart_has_a_name_and_a_description(elements: Elements) -> None:
    """A chart is an image to assistive technology; its name and description are on the page."""
    ids = [attributes["id"] for _, attributes in elements.all if "id" in attributes]
    assert len(ids) == len(set(ids))
    charts = [attributes for _, attributes in elements.all if "data-chart" in attributes]
    assert len(charts) == 11
    for chart in charts:
        assert chart["role"] == "img"
        assert {chart["aria-labelledby"], chart["aria-describedby"]} <= set(ids)


def test_the_page_needs_no_network_and_runs_no_other_script(page: str, elements: Elements) -> None:
    """The policy allows only its own scripts, by their hashes; no URL leads out of the page; it is below 6 MB."""
    (policy,) = (meta["content"] for meta in elements.named("meta") if "http-equiv" in meta)
    assert policy is not None
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in elements.scripts]
    assert len(hashes) == 4
    scripts = " ".join(f"'sha256-{digest}'" for digest in hashes)
    assert policy == (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    addresses = [value for _, a in elements.all for key, value in a.items() if key in ("src", "href")]
    assert all(address is not None and address.startswith(("#", "data:")) for address in addresses)
    assert len(page.encode()) < 6_000_000


def test_the_page_of_a_very_large_run(sample: Any) -> None:
    """2,000 features, 100,000 epochs and 20,000 files give less than 6 MB."""
    names = [f"a column with a rather long name, number {number}" for number in range(2_000)]
    weights = sample.weights(0.0) | {"features": [{"name": name, "norm": 0.123} for name in names]}
    statistics = sample.statistics(600)
    for name in names:
        feature = statistics.features.add(path={"step": [name]})
        feature.num_stats.CopyFrom(statistics.features[0].num_stats)
    files = tuple(FileCounts(path=f"/data/file-{n}.csv", rows=10, rejected=0) for n in range(20_000))
    ingest = sample.run().ingest.model_copy(update={"files": files})
    training = sample.TrainingArtifacts(sample.history(100_000, best=500), weights)
    page = render(
        sample.run(
            candidate=training,
            baseline=training,
            statistics=dict.fromkeys(("train", "eval", "test"), statistics),
            ingest=ingest,
        )
    )
    assert len(page.encode()) < 6_000_000
    assert ">The candidate by epoch, one epoch in 100 and the last</span></caption>" in page
    assert '<th scope="row" role="rowheader">100000</th>' in page
    assert '<th scope="row" role="rowheader">99901</th>' in page
    assert '<th scope="row" role="rowheader">99902</th>' not in page
    assert ">Rows by file, the first 1,000 of 20,000</span></caption>" in page


def test_a_page_without_artifacts_states_what_is_missing() -> None:
    """Each section has a sentence; without charts there is only the script that opens sections."""
    page = render(RunArtifacts(config={}))
    for sentence in (
        "The Evaluator wrote no verdict. Nothing was published.",
        "The trainers wrote no history.",
        "The gap was not measured.",
        "The trainer wrote no summary of the weights.",
        "No curves were recorded.",
        "ExampleGen wrote no ingest record.",
        "There are no statistics of the training split.",
        "ExampleValidator wrote no anomalies.",
        "The configuration is missing.",
        "The record of this run is missing: its ID, its steps and their artifacts.",
    ):
        assert f">{sentence}</p>" in page, sentence
    assert page.count("<script") == 1


def test_the_title_says_what_the_run_is_about(elements: Elements, page: str) -> None:
    """It has the data set, the label and the time; the line below it has the pipeline and the run."""
    assert "<h1>churn.csv, label &#39;churned&#39;, 2026-11-20 12:00 UTC</h1>" in page
    assert '<p class="quiet">Pipeline churn, run 20261120T120000.000000Z</p>' in page


def test_the_detail_is_collapsed_under_its_main_number(sample: Any) -> None:
    """Only the verdict and the changes are open; each other section has a line with its main number."""
    found = {section.id: section.summary for section in sections(sample.run())}
    assert [name for name, summary in found.items() if summary is None] == ["verdict", "changes"]
    assert found["thresholds"] == "1 of 2 passed"
    assert found["comparison"] == "log loss 0.3919 against 0.5113, AUC 0.8767 against 0.8804"
    assert found["training"] == "12 epochs, the best is epoch 7"
    assert found["gap"] == "log loss +0.0900 from training to test rows"
    assert found["features"] == "the most important is age, +0.1250 log loss without it"
    assert found["weights"] == "50.0% exactly 0"
    assert found["predictions"] == "AUC 0.8767"
    assert found["slices"] == "1 slice"
    assert found["data"] == "1,000 rows, 2 features, 2 set aside"
    assert found["configuration"] == "2 keys differ from their defaults"
    assert found["lineage"] == "2 steps before this one, 1 from the cache"


def test_a_wide_table_names_each_cell_for_a_phone(elements: Elements) -> None:
    """Each cell of a table with more than three columns has the header of its column, and its role in the table."""
    cells = [attributes for attributes in elements.named("td") if attributes.get("role") == "cell"]
    assert {"candidate", "interval of the difference", "importance"} <= {cell["data-label"] for cell in cells}
    assert all(cell["data-label"] for cell in cells)


@pytest.mark.parametrize(
    ("columns", "name", "stacked"),
    [
        (2, "evaluation.max_auc_drop", False),
        (3, "rows set aside of the table", False),
        (3, "a" * 17, True),
        (4, "a", True),
    ],
)
def test_which_tables_are_stacked_on_a_phone(columns: int, name: str, stacked: bool) -> None:
    """Those with more than three columns, and those with three of which the first would be broken in a word."""
    table = TableBlock("", ("",) * columns, ((name,) + ("0",) * (columns - 1),))
    assert table.is_stacked == stacked


def test_the_page_of_a_verdict_of_version_1(sample: Any, version_1: Path) -> None:
    """All sections are there."""
    verdict = Verdict.read(str(version_1))
    page = render(sample.run(verdict=verdict))
    assert re.findall(r'<section id="([^"]+)"', page) == IDS
    assert "Pushed: log loss 0.3229 against 0.7826 without regularization." in page
