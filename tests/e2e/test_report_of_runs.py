"""The reports of whole runs: one that pushed, one that did not, and one that was blessed by hand."""

import json
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Any  # of conftest.py
Visit: TypeAlias = Any  # of conftest.py


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


def test_a_whole_run_has_its_report(run: Run, root: Path, visit: Visit) -> None:
    """The path of the page is in the summary, on the terminal, and printed by `regpipe report`."""
    done = run(root, *run.quick)
    assert done.code == 0, done.verdict
    file = Path(done.summary["report_path"])
    assert f"Report    {file}" in done.verdict.splitlines()
    found = run.regpipe("report", "--root", root)
    assert (found.returncode, found.stdout) == (0, f"{file}\n")
    assert file.stat().st_size < 6_000_000
    opened = visit(file, "phone")
    page = opened.page
    assert page.locator("main h2").count() == 15
    assert page.locator(".headline").inner_text().startswith("Pushed: ")
    assert page.locator("h1").inner_text().startswith("sample.csv, label ")
    assert done.summary["run_id"] in page.locator("header").inner_text()
    # No step left its section without data: the only quiet sentences are that there is no earlier run, and no slice.
    assert page.locator("main p.quiet").all_inner_texts() == [
        "There is no earlier run with a verdict under this root.",
        "There are none; evaluation.slices divides the test split by the values of a feature.",
        "Not compared: no model trained on earlier data is published yet.",
    ]
    assert page.locator("[data-chart]").count() == 12
    # Of the five columns that the generator of the sample calls informative, f6 says nothing that the others don't.
    rows = page.locator("#features tbody tr").all_inner_texts()
    assert {row.split()[0] for row in rows[:4]} == {"f0", "f3", "f11", "f15"}
    lineage = page.locator("#lineage").inner_text()
    assert "13 steps before this one, 0 from the cache." in lineage
    assert "StatisticsGen" in lineage.split("Code of the steps")[1]
    assert opened.is_quiet(), opened.logged


def test_the_next_run_has_a_page_of_its_own(run: Run, root: Path, visit: Visit) -> None:
    """Steps come from the cache, and the model is not blessed: the page shows both. The older page still exists."""
    again = run(root, *run.quick, "--set", "evaluation.min_auc=0.99")
    assert again.code == 4, again.verdict
    assert again.ran() == ["Evaluator", "Pusher", "Report"]
    file = Path(again.summary["report_path"])
    opened = visit(file, "desktop")
    headline = opened.page.locator(".headline").inner_text()
    assert headline.startswith("Not blessed: the AUC is 0.")
    assert headline.endswith("Nothing was published.")
    assert opened.page.locator("tr.bad").count() == 1
    changes = opened.page.locator("#changes").inner_text()
    assert "it was blessed." in changes
    assert "Data: the same 1,000 rows." in changes
    assert opened.page.locator("#changes table").all_inner_texts()[0].split() == [
        "Configuration", "key", "last", "run", "this", "run", "evaluation.min_auc", "0.6", "0.99",
    ]  # fmt: skip
    differing = opened.page.locator("#configuration table").first.inner_text()
    assert "evaluation.min_auc" in differing
    assert "training.epochs" in differing
    assert "13 steps before this one, 11 from the cache." in opened.page.locator("#lineage").inner_text()
    listed = run.regpipe("runs", "--root", root).stdout
    first = listed.splitlines()[-1].split()[0]
    older = run.regpipe("report", "--root", root, "--run", first)
    assert Path(older.stdout.strip()).is_file()
    assert older.stdout.strip() != str(file)


def test_an_override_shows_in_the_report(run: Run, root: Path, visit: Visit) -> None:
    """`regpipe bless` renders the page of that run again, with who blessed it, why, and the Evaluator's verdict."""
    found = run.regpipe("runs", "--root", root, "--json")
    newest = json.loads(found.stdout)[0]["run_id"]
    options = ["--root", root, "--run", newest, "--by", "ada", "--reason", "<b>it is good</b> enough"]
    blessed = run.regpipe("bless", *options)
    assert blessed.returncode == 0, blessed.stderr
    shown = run.regpipe("report", "--root", root, "--run", newest)
    opened = visit(Path(shown.stdout.strip()), "desktop")
    headline = opened.page.locator(".headline").inner_text()
    assert headline.startswith("Published by hand by ada on 20")
    assert ": <b>it is good</b> enough. Not blessed by the Evaluator: the AUC is 0." in headline
    verdict = opened.page.locator("#verdict").inner_text()
    assert f"The model is in {root / 'serving'}/" in verdict
    # The page of all runs says so, too.
    everything = visit(root / "index.html", "phone").page
    assert everything.locator("#runs tbody tr").count() == 2
    assert "Published by hand by ada on 20" in everything.locator("#runs tbody tr").first.inner_text()
    assert "<b>it is good</b> enough" in everything.locator("#by-hand").inner_text()
    # The model is that of the first run, which had published it.
    assert "published now" in everything.locator("#runs tr.good").inner_text()
    # Everything else is unchanged.
    assert "13 steps before this one, 11 from the cache." in opened.page.locator("#lineage").inner_text()


def test_a_missing_report(run: Run, root: Path, tmp_path: Path) -> None:
    """A root without runs and an unknown run ID are wrong arguments: exit code 2 and one sentence."""
    nothing = run.regpipe("report", "--root", tmp_path)
    assert nothing.returncode == 2
    assert nothing.stderr == (
        f"regpipe: {tmp_path}: no run yet (expected {tmp_path / 'metadata.sqlite'}). The root is {tmp_path}; --root "
        "names another one, and --config the configuration of its runs.\n"
    )
    unknown = run.regpipe("report", "--root", root, "--run", "never")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith(
        f"regpipe: there is no run 'never'; `regpipe runs` lists them. The root is {root}; --root names "
    )
