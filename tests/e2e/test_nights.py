"""Seven of the thirty nights of benchmarks/nights.py on one root, as a schedule runs them, and what a person does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd
import pytest

from benchmarks.nights import LABEL, SETTINGS, day
from components.common.index_record import IndexRecord
from pipeline_def.cli.main import main

Run: TypeAlias = Any  # of conftest.py
Line: TypeAlias = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
FIRST, ORDINARY, REPEATED, TEXT, JUMP, WRONG_LABELS, LAST = NIGHTS = (1, 4, 5, 11, 17, 20, 22)


class Simulated(NamedTuple):
    """The root, the line and the summary of each night, the page of all runs after the last, and what runs further."""

    root: Path
    lines: dict[int, Line]
    summaries: dict[int, Line]
    record: IndexRecord
    page: str
    run: Run

    def again(self, night: int, *overrides: str) -> Any:
        """Runs the data steps of a night with other settings."""
        settings = (
            f"data.input={self.root}/days/day-{{SPAN}}/*.csv", f"data.span={day(night)}", *SETTINGS, *overrides,
        )  # fmt: skip
        return self.run(self.root, *(f"--set={setting}" for setting in settings), "--to-step", "DriftGate")


@pytest.fixture(scope="module")
def nights(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    root = tmp_path_factory.mktemp("nights")
    out = root / "nights.jsonl"
    command = [sys.executable, "-m", "benchmarks.nights", "--root", root, "--out", out, "--nights", *NIGHTS]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, cwd=REPOSITORY, timeout=1_200
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["night"] for line in lines] == list(NIGHTS)
    paths = sorted(root.glob("runs/*/summary.json"))
    return Simulated(
        root,
        {line["night"]: line for line in lines},
        dict(zip(NIGHTS, (json.loads(path.read_text()) for path in paths), strict=True)),
        IndexRecord.model_validate_json((root / "index.json").read_text()),
        (root / "index.html").read_text(encoding="utf-8"),
        run,
    )


def test_what_each_night_published(nights: Simulated) -> None:
    """A refused table and a worse model leave what is served; a rollback does not stop the next night."""
    lines = nights.lines
    assert {night: line["code"] for night, line in lines.items()} == {
        FIRST: 0, ORDINARY: 0, REPEATED: 0, TEXT: 3, JUMP: 0, WRONG_LABELS: 4, LAST: 0,
    }  # fmt: skip
    served = {night: line["served"] for night, line in lines.items()}
    assert served[FIRST] < served[ORDINARY] == served[REPEATED] == served[TEXT] < served[JUMP]
    assert served[JUMP] < served[WRONG_LABELS] < served[LAST]  # a rollback publishes under a new number
    pushed = {night: line["pushed"] for night, line in lines.items()}
    assert pushed == served | {TEXT: None, WRONG_LABELS: None}
    assert [night for night, line in lines.items() if line["already_published"]] == [REPEATED]
    # The rollback after WRONG_LABELS published the model of ORDINARY again.
    losses = {night: line["log_loss"]["regpipe"] for night, line in lines.items()}
    assert losses[WRONG_LABELS] > losses[JUMP] + 0.02
    assert losses[LAST] < losses[WRONG_LABELS] - 0.02


def test_what_each_night_said(nights: Simulated) -> None:
    """The notification has the verdict or the reason, and the drift."""
    said = {night: line["message"] for night, line in nights.lines.items()}
    for night in (FIRST, ORDINARY, REPEATED, JUMP, LAST):
        assert said[night].startswith("Pushed: "), said[night]
    version = nights.lines[REPEATED]["served"]
    assert said[TEXT].startswith("Data refused: The table differs from the one that version ")
    assert f"version {version} in ROOT/serving" in said[TEXT]
    assert "f1" in said[TEXT]
    assert said[WRONG_LABELS].startswith("Not blessed: the AUC is 0.")
    assert {night: line["drift"] for night, line in nights.lines.items()} == {night: [] for night in NIGHTS} | {
        JUMP: ["f2"], LAST: ["f2"],
    }  # fmt: skip


def test_the_steps_of_each_night(nights: Simulated) -> None:
    """A new table runs every step, a repeated one none that has a cache, and a refused one stops at the gate."""
    ran = {
        night: [step["name"] for step in summary["steps"] if not step["cached"]]
        for night, summary in nights.summaries.items()
    }
    every = ran[FIRST]
    assert every[0] == "ExampleGen"
    assert every[-1] == "Report"
    for night in (ORDINARY, JUMP, WRONG_LABELS, LAST):
        assert ran[night] == every
    assert ran[REPEATED] == ["Pusher", "Report"]
    assert ran[TEXT] == every[: every.index("DriftGate") + 1]


def test_the_reference_of_each_night(nights: Simulated) -> None:
    """The first night has none, a repeated one the same as before, the others what is served and the span before."""
    drift = {night: summary["drift"] for night, summary in nights.summaries.items()}
    assert drift[FIRST]["comparisons"] == []
    assert len(drift[FIRST]["notes"]) == 2
    assert drift[REPEATED] == drift[ORDINARY]
    names = {
        night: [one["name"] for one in record["comparisons"]] for night, record in drift.items() if record
    }
    data = {
        night: f"the training data of version {nights.lines[night]['served']}"
        for night in (FIRST, ORDINARY, JUMP, WRONG_LABELS)
    }
    assert names[ORDINARY] == [f"{data[FIRST]} (span {day(FIRST)})"]
    # The span before was refused, so it is no reference.
    assert names[JUMP] == [f"{data[ORDINARY]} (span {day(ORDINARY)})"]
    assert names[WRONG_LABELS] == [f"{data[JUMP]} (span {day(JUMP)})"]
    # After the rollback, which published the model of ORDINARY.
    assert names[LAST] == [data[WRONG_LABELS], f"span {day(WRONG_LABELS)}"]
    assert (drift[ORDINARY]["moved"], drift[JUMP]["moved"]) == (0, 1)
    page = Path(nights.summaries[JUMP]["report_path"]).read_text(encoding="utf-8")
    assert 'data-chart="drift-served-0"' in page
    assert "\nf1      a feature of numbers  text, or too few numbers\n" in nights.summaries[TEXT]["error"]


def test_the_page_of_all_nights(nights: Simulated) -> None:
    """All nights, the newest first, with what they published; the rollback was replaced by the last night."""
    newest_first = sorted(NIGHTS, reverse=True)
    index, summaries, lines = nights.record, nights.summaries, nights.lines
    assert [run.run_id for run in index.runs] == [summaries[night]["run_id"] for night in newest_first]
    assert [run.version for run in index.runs] == [lines[night]["pushed"] for night in newest_first]
    assert [run.status for run in index.runs] == [summaries[night]["status"] for night in newest_first]
    assert [run.drift for run in index.runs] == [1, 0, 1, None, 0, 0, None]
    assert index.publication is not None
    assert index.publication.version == lines[LAST]["served"]
    for run in index.runs:
        assert (run.report is None) == (run.run_id == summaries[TEXT]["run_id"])
        assert run.report is None or f'href="{run.report}"' in nights.page
    assert f"Version {lines[LAST]['served']} is published" in nights.page
    assert "Data refused: The table differs" in nights.page


def test_a_table_before_a_run(nights: Simulated, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`regpipe drift` names the feature that differs, also in what `regpipe predict` has written."""
    table = pd.read_csv(nights.root / "days" / f"day-{day(ORDINARY)}" / "rows.csv").drop(columns=LABEL)
    scoring, scored = str(tmp_path / "scoring.csv"), str(tmp_path / "scored.csv")
    table.to_csv(scoring, index=False)
    root = ["--root", str(nights.root)]
    assert main(["predict", scoring, "-o", scored, *root]) == 0
    for name in (scoring, scored):
        capsys.readouterr()
        assert main(["drift", name, *root, "--json"]) == 3
        (comparison,) = json.loads(capsys.readouterr().out)["comparisons"]
        assert [finding["feature"] for finding in comparison["findings"]] == ["f2"]


def test_drift_is_refused_or_not_measured(nights: Simulated) -> None:
    """By `data.drift`; a refused run stops in DriftGate with exit code 3, and says what has moved."""
    refused = nights.again(ORDINARY, "data.drift=refuse")
    assert (refused.code, refused.summary["status"]) == (3, "data_refused")
    assert refused.summary["steps"][-1]["name"] == "DriftGate"
    (found,) = refused.summary["drift"]["comparisons"][0]["findings"]
    assert (found["feature"], found["measure"]) == ("f2", "ks")
    assert "Kolmogorov-Smirnov distance" in refused.summary["error"]
    off = nights.again(ORDINARY, "data.drift=off")
    assert off.code == 0
    assert off.summary["drift"] == {"mode": "off", "moved": 0, "comparisons": [], "notes": []}


def test_two_ways_out_after_a_column_became_text(nights: Simulated, tmp_path: Path) -> None:
    """The column is ignored, or the schema of the refused run, which a person has checked, counts from then on."""
    assert nights.again(TEXT, "data.ignore=[f1]").code == 0
    schema = tmp_path / "schema.pbtxt"
    run_id = nights.summaries[TEXT]["run_id"]
    assert main(["schema", "freeze", "--root", str(nights.root), "--run", run_id, "-o", str(schema)]) == 0
    assert nights.again(TEXT, f"data.schema_file={schema}").code == 0
    # It has a column more than the schema.
    assert nights.again(ORDINARY, f"data.schema_file={schema}").code == 3
