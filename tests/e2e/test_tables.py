"""Tables other than the sample: unusual ones that must work, and bad ones that must be refused with a reason."""

import csv
import gzip
import html
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_def.config.load import load_config

Run: TypeAlias = Any  # of conftest.py
Completed: TypeAlias = Any
STEPS = load_config(None).step_names()

Row: TypeAlias = dict[str, Any]


def rows(count: int = 400, seed: int = 7) -> list[Row]:
    """A table that can be learned: the label is yes if `total day minutes` is above one half, with 5% of noise."""
    draw = random.Random(seed)
    table: list[Row] = []
    for _ in range(count):
        x = draw.random()
        table.append(
            {
                "total day minutes": round(x, 4),
                "<script>": round(draw.gauss(0, 1), 4),
                "é-1.5": "" if draw.random() < 0.1 else draw.randint(0, 9),
                "region": draw.choice(["north", "south"]),
                "churned?": "yes" if (x > 0.5) != (draw.random() < 0.05) else "no",
            }
        )
    return table


def write(path: Path, table: Iterable[Row]) -> Path:
    table = list(table)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table[0], delimiter=";")
        writer.writeheader()
        writer.writerows(table)
    return path


LABEL = ("--label", "churned?", "--set", "data.positive_label=yes")


@pytest.fixture(scope="module")
def plain(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The root and the run of the table as it is."""
    folder = tmp_path_factory.mktemp("plain")
    root = folder / "root"
    return root, run(root, "--data", write(folder / "table.csv", rows()), *LABEL, *run.quick)


def test_unusual_names_text_columns_and_missing_values(plain: tuple[Path, Completed]) -> None:
    """Spaces, markup, Unicode and dots in names; a column of two texts is a feature; the model is pushed."""
    root, done = plain
    assert done.code == 0, done.verdict
    assert done.summary["metrics"]["candidate"]["auc"] > 0.8
    assert done.summary["warnings"] == []
    examples = json.loads(next((root / "artifacts/ExampleGen/examples").glob("*/ingest.json")).read_text())
    assert examples["features"] == ["total day minutes", "<script>", "é-1.5", "region"]


def test_rows_split_by_time_and_by_group(run: Run, tmp_path: Path) -> None:
    """A run without edges proposes them, and divides the rows by them. Then by customer: the bootstrap draws customers.

    Neither column is an input of the model. The model of the other split does not decide.
    """
    months = [f"2024-{month:02}-01" for month in range(1, 13)]
    table = write(
        tmp_path / "table.csv",
        [
            row | {"month": months[number // 100], "customer": f"c{number * 7919 % 199}"}
            for number, row in enumerate(rows(1_200))
        ],
    )
    by_time = [f"data.split.{key}" for key in ("by=time", "column=month")]
    given = [word for key in by_time for word in ("--set", key)]
    refused = run(tmp_path / "root", "--data", table, *LABEL, *given, *run.quick)
    assert refused.code == 3
    edges = dict(re.findall(r"data\.split\.(\w+_from): (2024-\d\d-01)", re.sub(r"\s+", " ", refused.verdict)))
    # 700 of 1,200 rows are before August and 1,000 before November: nearest to 60% and to 80%.
    assert edges == {"eval_from": "2024-08-01", "test_from": "2024-11-01"}
    given += [word for key, edge in edges.items() for word in ("--set", f"data.split.{key}={edge}")]
    done = run(tmp_path / "root", "--data", table, *LABEL, *given, *run.quick)
    assert done.code == 0, done.verdict
    assert done.summary["rows"] == {"train": 700, "eval": 300, "test": 200, "rejected": 0}
    given = [
        "--set",
        "data.split.by=group",
        "--set",
        "data.split.column=customer",
        "--set",
        "data.ignore=[month]",
    ]
    done = run(tmp_path / "root", "--data", table, *LABEL, *given, *run.quick)
    assert done.code == 0, done.verdict
    artifacts = tmp_path / "root/artifacts"
    [*_, newest] = sorted(artifacts.glob("Evaluator/evaluation/*/verdict.json"), key=os.path.getmtime)
    verdict = json.loads(newest.read_text())
    assert 20 < verdict["bootstrap"]["groups"] < 70
    assert verdict["served"]["outcome"] == "other_split"
    [*_, newest] = sorted((tmp_path / "root/serving").glob("*/assets.extra/model_card.json"))
    card = json.loads(newest.read_text())
    assert card["data"]["split"]["by"] == "group"
    assert [key for key in ("customer", "month") if f'"{key}"' in json.dumps(card["inputs"])] == []
    [*_, newest] = sorted(artifacts.glob("Report/report/*/report.html"), key=os.path.getmtime)
    report = html.unescape(newest.read_text())
    assert "split by the group in 'customer'" in report
    assert f"{verdict['bootstrap']['groups']} groups, each drawn as a whole" in report


def test_a_leak_and_an_id(run: Run, tmp_path: Path) -> None:
    """A number and a text that equal the label, and 10^15 plus the row number: two warnings, one step, and a push.

    A run from the cache has the same ones.
    """
    table = [
        {
            "customer_id": 10**15 + number,
            "minutes": row["total day minutes"],
            "code": row["churned?"],
            "state": f"state {row['churned?']}",
            "churned?": row["churned?"],
        }
        for number, row in enumerate(rows(1_000))
    ]
    arguments = ("--data", write(tmp_path / "table.csv", table), *LABEL, *run.quick)
    done = run(tmp_path / "root", *arguments)
    assert done.code == 0, done.verdict
    an_id, leak = done.summary["warnings"]
    assert "may be an id" in an_id
    assert "'code' (AUC 1.0000), 'state' (AUC 1.0000)" in leak
    step = done.summary["next_steps"][0]
    assert step.endswith(": add ['code', 'state', 'customer_id'] to data.ignore.")
    for warning in (an_id, leak, step):
        assert warning in html.unescape(Path(done.summary["report_path"]).read_text())
    again = run(tmp_path / "root", *arguments)
    assert "StatisticsGen" in again.cached()
    assert again.summary["warnings"] == done.summary["warnings"]


def test_weights_that_are_all_equal_change_nothing(
    plain: tuple[Path, Completed], run: Run, tmp_path: Path
) -> None:
    """Neither the splits nor the metrics; the weight is not an input of the model."""
    path = write(tmp_path / "b.csv", ({**row, "months": 2} for row in rows()))
    weighted = run(tmp_path / "b", "--data", path, *LABEL, "--set", "data.weight=months", *run.quick)
    assert weighted.code == 0, weighted.verdict
    assert weighted.summary["rows"] == plain[1].summary["rows"]
    for model in ("candidate", "baseline"):
        given, expected = (done.summary["metrics"][model] for done in (weighted, plain[1]))
        assert given == pytest.approx(expected, abs=1e-5)
    (card,) = (tmp_path / "b" / "serving").glob("*/assets.extra/model_card.json")
    content = json.loads(card.read_text("utf-8"))
    assert content["data"]["weight"] == "months"
    assert [given["feature"] for given in content["inputs"]] == [
        "<script>",
        "region",
        "total day minutes",
        "é-1.5",
    ]


def test_with_class_weights_the_published_model_predicts_the_share_of_positives(
    run: Run, tmp_path: Path
) -> None:
    """About a tenth of the rows is positive. On the test split the mean prediction of both models is about their share.

    Both trainings are recalibrated on the validation split, where it is several times as high before; the page shows
    the candidate's curves.
    """
    draw = random.Random(3)
    table = [
        {**row, "churned?": row["churned?"] if draw.random() < 0.2 else "no"} for row in rows(4_000, seed=8)
    ]
    balanced = ("--set", "training.class_weight=balanced")
    done = run(tmp_path, "--data", write(tmp_path / "table.csv", table), *LABEL, *balanced, *run.quick)
    assert done.code == 0, done.verdict
    verdict = json.loads(next(tmp_path.glob("artifacts/Evaluator/evaluation/*/verdict.json")).read_text())
    share = verdict["positives"] / verdict["rows"]
    assert 0.07 < share < 0.13
    for model, step in (("candidate", "Trainer"), ("baseline", "BaselineTrainer")):
        (path,) = (tmp_path / "artifacts" / step / "model_run").glob("*/calibration.json")
        record = json.loads(path.read_text())
        assert record["before"]["mean"] > 2 * record["observed"]
        assert record["after"]["mean"] == pytest.approx(record["observed"], rel=1e-3)
        bins = verdict["curves"][model]["calibration"]
        mean = sum(p * n for p, n in zip(bins["predicted"], bins["rows"], strict=True)) / verdict["rows"]
        # The validation split has about 80 positive rows: two standard errors are 22%.
        assert mean == pytest.approx(share, rel=0.3)
    page = Path(done.summary["report_path"]).read_text("utf-8")
    assert "Calibration before and after" in page


def test_the_same_rows_from_csv_gzip_and_parquet_make_the_same_splits(run: Run, tmp_path: Path) -> None:
    """The split of a row does not depend on the file format."""
    table = rows()
    plain = write(tmp_path / "table.csv", table)
    zipped = tmp_path / "table.csv.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    parquet = tmp_path / "table.parquet"
    columns = {name: [None if row[name] == "" else row[name] for row in table] for name in table[0]}
    pq.write_table(pa.table(columns), parquet)
    counts = [
        run(tmp_path / "root", "--data", path, *LABEL, "--to-step", "ExampleGen").summary["rows"]
        for path in (plain, zipped, parquet)
    ]
    assert counts[0] == counts[1] == counts[2]


def test_a_few_bad_rows_are_set_aside_and_too_many_stop_the_run(run: Run, tmp_path: Path) -> None:
    """Up to 1% the run continues and prints the path of the rows; above it, exit code 3 with the first reasons."""
    table = rows()
    table[10]["total day minutes"] = "oops"
    done = run(
        tmp_path / "root", "--data", write(tmp_path / "a.csv", table), *LABEL, "--to-step", "ExampleGen"
    )
    assert done.code == 0
    assert done.summary["rows"]["rejected"] == 1
    (rejected,) = [json.loads(line) for line in Path(done.summary["rejected_rows"]).read_text().splitlines()]
    assert rejected["line"] == 12
    assert "oops" in rejected["raw"]

    for row in table[:20]:
        row["total day minutes"] = "oops"
    path = write(tmp_path / "b.csv", table)
    refused = run(tmp_path / "root", "--data", path, *LABEL)
    assert refused.code == 3
    assert refused.summary["status"] == "data_refused"
    assert "20 of 400 rows" in refused.summary["error"]
    assert f"{path}:2: " in refused.summary["error"]
    assert Path(refused.summary["rejected_rows"]).is_file()
    assert not (tmp_path / "root" / "serving").exists()


@pytest.mark.parametrize(
    ("change", "features", "finding"),
    [
        (lambda row: {**row, "é-1.5": ""}, "[é-1.5, total day minutes]", "é-1.5"),
        (
            lambda row: {**row, "churned?": "no" if row["total day minutes"] < 0.99 else "yes"},
            "[]",
            "one class in the ",
        ),
    ],
)
def test_data_gate_stops_the_run(run: Run, tmp_path: Path, change: Any, features: str, finding: str) -> None:
    """A listed feature without values, a split without a class: exit code 3 with a table of findings, no training."""
    table = write(tmp_path / "table.csv", map(change, rows()))
    done = run(tmp_path / "root", "--data", table, *LABEL, "--set", f"data.features={features}")
    assert done.code == 3, done.verdict
    assert done.summary["error"].startswith("The data is not fit for training:\nfeature ")
    assert finding in done.summary["error"]
    assert done.summary["steps"][-1]["name"] == "DataGate"


def test_an_undefined_metric_is_shown_as_such(run: Run, tmp_path: Path) -> None:
    """With a penalty so strong that no row is predicted as positive, there is no precision."""
    table = [{**row, "churned?": "yes" if row["total day minutes"] > 0.75 else "no"} for row in rows()]
    crushed = ("--set", "model.l1=10", "--set", "training.epochs=12")
    done = run(tmp_path / "root", "--data", write(tmp_path / "table.csv", table), *LABEL, *crushed)
    assert done.code == 4
    assert done.summary["metrics"]["candidate"]["precision"] is None
    assert re.search(r"^precision +none ", done.verdict, re.MULTILINE)


def test_too_few_rows_stop_the_run(run: Run, tmp_path: Path) -> None:
    """Fewer rows than data.min_rows in a split: exit code 3."""
    done = run(tmp_path / "root", "--data", write(tmp_path / "table.csv", rows(60)), *LABEL)
    assert done.code == 3
    assert "too few rows  at least 20 (data.min_rows)" in done.summary["error"]


def test_the_next_table_is_checked_against_a_frozen_schema(run: Run, tmp_path: Path) -> None:
    """`schema freeze` writes a schema; a table without one of its columns is refused, with the expected type."""
    root, schema = tmp_path / "root", tmp_path / "schema.pbtxt"
    run(root, "--data", write(tmp_path / "a.csv", rows()), *LABEL, "--to-step", "SchemaGen")
    frozen = run.regpipe("schema", "freeze", "--root", root, "-o", schema)
    assert frozen.returncode == 0, frozen.stderr
    curated = ("--set", f"data.schema_file={schema}")
    fine = run(root, "--data", tmp_path / "a.csv", *LABEL, *curated, "--to-step", "DataGate")
    assert fine.code == 0, fine.verdict
    lacking = [{name: row[name] for name in row if name != "<script>"} for row in rows()]
    refused = run(root, "--data", write(tmp_path / "b.csv", lacking), *LABEL, *curated)
    assert refused.code == 3
    assert "<script>" in refused.summary["error"]
    assert "FLOAT" in refused.summary["error"]


def test_the_newest_span_is_read(run: Run, tmp_path: Path) -> None:
    """{SPAN} selects the newest span; without a new one, all steps come from the cache."""
    for span in (1, 2):
        (tmp_path / f"span-{span}").mkdir()
        write(tmp_path / f"span-{span}" / "day.csv", rows(200 * span, seed=span))
    arguments = ("--data", tmp_path / "span-{SPAN}" / "*.csv", *LABEL, "--to-step", "ExampleGen")

    def read() -> tuple[int, list[str]]:
        done = run(tmp_path / "root", *arguments)
        return sum(done.summary["rows"].values()), done.cached()

    assert read() == (400, [])
    assert read() == (400, ["ExampleGen"])
    (tmp_path / "span-10").mkdir()
    write(tmp_path / "span-10" / "day.csv", rows(300, seed=3))
    assert read() == (300, [])


def test_ctrl_c_during_training(run: Run, tmp_path: Path) -> None:
    """Exit code 130, nothing is published, and the next run takes the completed steps from the cache."""
    settings = (
        "training.epochs=100000", "training.early_stopping=0", "model.l1=1e-4", "model.l2=1e-3", "model.dropout=0.2",
    )  # fmt: skip
    process = subprocess.Popen(
        run.command("run", "--root", tmp_path, *(f"--set={setting}" for setting in settings)),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Trainer           epoch 3/"):
            break
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - interrupted < 30
    assert "Traceback" not in rest
    assert rest.splitlines()[-1].startswith("regpipe: interrupted")
    assert not (tmp_path / "serving").exists()
    with sqlite3.connect(tmp_path / "metadata.sqlite") as store:
        running = store.execute("select count(*) from Execution where last_known_state = 2").fetchone()
    assert running == (0,)
    again = run(tmp_path, *run.quick, "--to-step", "Tuner")
    assert again.code == 0
    # DataGate runs again: it checks that the task has the thresholds that are set now.
    assert again.cached() == [step for step in STEPS[: STEPS.index("Tuner")] if step != "DataGate"]


def test_a_second_run_under_the_same_root_is_refused(run: Run, tmp_path: Path) -> None:
    """At once, with exit code 2."""
    import fcntl

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            run.command("run", "--root", tmp_path), capture_output=True, text=True, env={**os.environ}
        )
    assert done.returncode == 2
    assert (
        done.stderr
        == f"regpipe: {tmp_path}: another run uses this root; wait for it, or give another --root.\n"
    )
