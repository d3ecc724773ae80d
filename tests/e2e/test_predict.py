"""Whole predictions, each in its own process: memory, a closed pipe, and a model that a run published."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

Run = Any  # of conftest.py
Completed = Any

# The few are more than four batches, as the allocators take their share of memory during the first ones.
FEW = 300_000
MANY = {"csv": 900_000, "jsonl": 900_000, "parquet": 2_100_000}
# MB; the additional rows take more than 90 MB as CSV or JSON, and 170 MB as columns of a Parquet file.
SLACK = 60


# The peak that the kernel reports for a child may be that of its parent, so the process reads its own memory.
MEASURED = """import sys
from pathlib import Path
from pipeline_def.cli.main import main
code = main(sys.argv[1:])
(peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) / 1024)
sys.exit(code)"""


def predict(*arguments: object) -> tuple[str, float]:
    """Runs a prediction, and returns its output and its peak memory in MB."""
    command = [sys.executable, "-c", MEASURED, "predict", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    printed, peak = done.stdout.splitlines()
    return printed, float(peak)


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose probability is its input `a`."""
    from tests.serving.models import write_model

    path = tmp_path_factory.mktemp("echo") / "model"
    write_model(path)
    return path


def write(path: Path, rows: int) -> Path:
    """Writes a table: `a` ascending from 0 to 1, `b` without values, eight other columns of numbers, one of text."""
    numbers = np.random.default_rng(0).normal(size=(8, rows)).round(6)
    columns = {"a": np.linspace(0, 1, rows, dtype=np.float32), "b": pa.nulls(rows, pa.float64())}
    columns |= {f"c{number}": column for number, column in enumerate(numbers)} | {
        "t": pa.array(["text é"] * rows)
    }
    table = pa.table(columns)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        pacsv.write_csv(table, path)
    else:
        with path.open("w") as file:
            table.to_pandas().to_json(file, orient="records", lines=True)
    return path


@pytest.mark.parametrize("kind", MANY)
def test_memory_does_not_grow_with_the_rows(kind: str, echo: Path, tmp_path: Path) -> None:
    """Three times the rows, or more, have the same peak; every row has its own probability, in order."""
    peaks = {}
    for rows in (FEW, MANY[kind]):
        table, output = write(tmp_path / f"{rows}.{kind}", rows), tmp_path / f"out{rows}.{kind}"
        printed, peaks[rows] = predict(table, "--model", echo, "-o", output)
        assert printed.startswith(f"Wrote {output}: {rows:,} rows in ")
    assert peaks[MANY[kind]] - peaks[FEW] < SLACK, peaks
    if kind == "parquet":
        found = pq.read_table(output)
        assert found.column("a").to_pylist() == found.column("probability").to_pylist()
        assert found.num_rows == MANY[kind]


def test_a_closed_pipe_prints_no_traceback(echo: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", FEW)
    line = f"{sys.executable} -m pipeline_def.cli predict {table} --model {echo} | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("a,b,")
    assert done.stderr == ""


def test_an_interrupt_leaves_no_file(echo: Path, tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, and neither the file nor a part of it."""
    command = [
        sys.executable,
        "-m",
        "pipeline_def.cli",
        "predict",
        "-",
        "--model",
        str(echo),
        "-o",
        "out.csv",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
        # A background job of a shell would inherit that the signal is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"a,b\n" + b"0.5,\n" * 4_000_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().decode().splitlines()[-1] == "regpipe: interrupted; no file was written"
        process.stdin.close()
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_a_published_model(run: Run, published: tuple[Path, Completed], tmp_path: Path) -> None:
    """Predictions for the sample with the model of a run, with and without Beam, are equal; their AUC is above 0.8.

    The decisions are those of the run's operating point, spelled as the label.
    """
    folder, done = published
    here, there = tmp_path / "here.parquet", tmp_path / "there"
    root = ("--root", folder)
    predict(run.sample, *root, "-o", here)
    predict(run.sample, *root, "--beam", "--format", "parquet", "-o", there)
    one, other = pq.read_table(here), pq.read_table(there)
    np.testing.assert_allclose(one.column("probability"), other.column("probability"), rtol=0, atol=1e-6)
    label = np.array(one.column("label").to_pylist(), np.int64)
    assert roc_auc_score(label, one.column("probability").to_numpy()) > 0.8
    threshold = np.float32(done.summary["operating_point"]["threshold"])
    for table in (one, other):
        expected = np.where(table.column("probability").to_numpy() >= threshold, "1", "0")
        assert table.column("decision").to_pylist() == expected.tolist()
    assert accuracy_score(one.column("label").to_pylist(), one.column("decision").to_pylist()) > 0.8
