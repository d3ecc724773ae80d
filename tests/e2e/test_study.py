"""`regpipe study` as a user runs it: the table, the page in a browser, and the reuse of earlier results."""

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.waiting import wait_until

Run: TypeAlias = Any  # of conftest.py
Visit: TypeAlias = Any  # of conftest.py
QUICK = ("--set", "training.epochs=3", "--set", "model.hidden_units=[8]")
SECTIONS = [
    "What the study found", "The family", "Learning curves", "L1, from weak to strong", "L2, from weak to strong",
    "Dropout, from weak to strong", "Data", "Configuration", "Lineage",
]  # fmt: skip
FAMILY = [
    "none", "L1, gradient", "L1, proximal", "L2", "elastic net", "dropout", "weight decay", "early stopping", "all",
]  # fmt: skip


def study(run: Run, root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = run.regpipe("study", "--root", root, *QUICK, *arguments)
    return done


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def done(run: Run, root: Path) -> subprocess.CompletedProcess[str]:
    return study(run, root, "--strengths", 2)


@pytest.fixture(scope="module")
def file(done: subprocess.CompletedProcess[str]) -> Path:
    return Path(done.stdout.splitlines()[-1].removeprefix("Page").strip())


def test_the_table_and_the_page(done: subprocess.CompletedProcess[str], file: Path) -> None:
    """Each network has a row on standard output and a line on standard error; the page is one file."""
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines[:-1]) <= 100
    rows = [line[:17].strip() for line in lines if re.search(r" \d\.\d{4} .* \d+$", line)]
    assert rows == [
        *FAMILY, "l1 = 1e-05", "l1 = 0.01", "l2 = 1e-05", "l2 = 0.01", "dropout = 0.1", "dropout = 0.8",
    ]  # fmt: skip
    assert "15 networks, 0 of them trained by an earlier study" in done.stderr
    assert "Study  15 of 15  dropout = 0.8: validation log loss 0." in done.stderr
    assert "Traceback" not in done.stderr
    assert file.name == "study.html"
    assert file.stat().st_size < 6_000_000
    record = json.loads((file.parent / "study.json").read_text())
    assert [entry["name"] for entry in record["family"]] == FAMILY


def test_a_second_study_trains_only_what_is_new(run: Run, root: Path, done: object) -> None:
    """The same study trains nothing; a third strength adds one network to each path; earlier results are unchanged."""
    same = study(run, root, "--strengths", 2, "--json")
    assert "15 networks, 15 of them trained by an earlier study" in same.stderr
    found = json.loads(same.stdout)
    assert (found["trained"], found["known"]) == (0, 15)
    wider = json.loads(study(run, root, "--strengths", 3, "--json").stdout)
    assert (wider["trained"], wider["known"]) == (3, 15)
    assert wider["family"] == found["family"]
    assert [entry["strength"] for entry in wider["paths"]["l1"]] == [1e-5, 3.2e-4, 1e-2]
    assert wider["paths"]["l1"][2] == found["paths"]["l1"][1]


def test_the_ends_of_the_family_are_the_networks_of_a_run(run: Run, root: Path, done: object) -> None:
    """`none` is the baseline and `all` the candidate of `regpipe run`, which reuses the data steps from the cache.

    Only DataGate, which checks that the task has the thresholds that are set, runs again.
    """
    ran = run(root, *QUICK, "--set", "evaluation.min_auc=0", "--set", "evaluation.max_auc_drop=1")
    assert ran.cached() == [
        "ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DriftGate", "Transform", "Tuner",
    ]  # fmt: skip
    studied = json.loads(study(run, root, "--strengths", 2, "--json").stdout)
    by_name = {entry["name"]: entry["result"] for entry in studied["family"]}
    verdict = next(root.glob("artifacts/Evaluator/evaluation/*/verdict.json"))
    gap = json.loads(verdict.read_text())["gap"]
    for name, model in (("none", "baseline"), ("all", "candidate")):
        assert by_name[name]["train"]["loss"] == pytest.approx(gap[model]["log_loss"]["train"], abs=1e-6)
        assert by_name[name]["train"]["score"] == pytest.approx(gap[model]["auc"]["train"], abs=1e-6)


@pytest.mark.parametrize("screen", ["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_and_quiet(visit: Visit, file: Path, screen: str, scheme: str) -> None:
    """All sections and charts are there; nothing is wider than the screen or fetched; all text has enough contrast."""
    opened = visit(file, screen, scheme)
    assert opened.page.locator("main h2").all_inner_texts() == SECTIONS
    charts = opened.charts()
    # Losses with gaps; a learning curve per network; per path losses, AUC and norm; and the zeros of L1.
    assert len(charts) == 1 + 9 + 3 * 3 + 1
    for chart in charts:
        assert chart["width"] >= 300
        assert chart["height"] >= 220
    assert not opened.is_wider_than_the_screen()
    assert opened.is_quiet(), (opened.logged, opened.requested)
    contrasts = opened.contrasts("h1, h2, h3, p, a:not(.skip), th, td, summary, figcaption, caption")
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


def test_the_headline_of_the_page(visit: Visit, file: Path, done: subprocess.CompletedProcess[str]) -> None:
    """It is the sentence printed on the terminal; the best network is highlighted in a table with a name."""
    page = visit(file, "desktop").page
    headline = page.locator(".headline").inner_text()
    assert " ".join(done.stdout.split("\n\n")[0].split()) == headline
    assert page.locator("tr.good").count() >= 1
    assert page.get_by_role("table", name="The family on the training and validation splits").count() == 1
    assert (
        page.get_by_role("img", name="Training and validation log loss, and the gap between them").count()
        == 1
    )
    assert "The test split was not read" in page.locator("#data").inner_text()


def test_a_killed_study_is_resumed(run: Run, tmp_path: Path) -> None:
    """After SIGKILL the next study reuses the results that were stored, and trains the other networks."""
    command = run.command("study", "--root", tmp_path, *QUICK, "--strengths", 0)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = tmp_path / "studies" / "results"
    wait_until(lambda: len(list(results.glob("*.json"))) >= 2 or process.poll() is not None, 300)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("studies/results/*.json")}
    assert 2 <= len(before) < 9
    found = json.loads(study(run, tmp_path, "--strengths", 0, "--json").stdout)
    assert (found["known"], found["trained"]) == (len(before), 9 - len(before))
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_refused_data(run: Run, tmp_path: Path) -> None:
    """Data with one class gives the error of `regpipe run` and exit code 3, and no study."""
    table = tmp_path / "one.csv"
    table.write_text("a,label\n" + "".join(f"{number},1\n" for number in range(200)))
    refused = study(run, tmp_path / "root", "--data", table)
    assert refused.returncode == 3
    assert "Data refused: " in refused.stderr
    assert refused.stdout == ""
    assert not (tmp_path / "root" / "studies").exists()
