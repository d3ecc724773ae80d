"""Predictions with Beam: the same as those of the model in this process, with all columns, in each format."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.saved_model.input_names import input_names
from pipeline_def.cli.main import main
from serving.predict import text_sources
from tests.serving.predict.tables import DELTA, write_table

FEATURES = ["a", "b", DELTA]
THRESHOLD = 0.5


@pytest.fixture(scope="module")
def model(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`exported` with a card, as the Trainer writes it."""
    folder = tmp_path_factory.mktemp("model") / "1"
    shutil.copytree(exported / "1", folder)
    inputs = [{"feature": f, "input": i} for f, i in zip(FEATURES, input_names(FEATURES), strict=True)]
    (folder / "assets.extra").mkdir(exist_ok=True)
    (folder / "assets.extra" / "model_card.json").write_text(
        json.dumps(
            {
                "inputs": inputs,
                "data": {"missing_values": [""]},
                "label": {"negative": "no", "positive": "yes"},
                "evaluation": {"operating_point": {"threshold": THRESHOLD}},
            }
        )
    )
    return str(folder)


def rows(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the rows of a file, or of all files in a folder, by their id."""
    found: list[dict[str, Any]] = []
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.suffix == ".csv":
            found += csv.DictReader(io.StringIO(file.read_text(), newline=""))
        elif file.suffix == ".jsonl":
            found += map(json.loads, file.read_text().splitlines())
        else:
            found += pq.read_table(file).to_pylist()
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row for row in found}


@pytest.mark.parametrize(("kind", "replays"), [("csv", 0), ("csv", 2), ("jsonl", 2), ("parquet", 2)])
def test_the_same_probabilities(
    kind: str,
    replays: int,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each row appears once, with its columns, to 1e-6, also if Beam processes each part twice."""
    monkeypatch.setattr(text_sources, "BLOCK_BYTES", 20_000)
    table = write_table(tmp_path / "t.csv", rows=2_000)
    output, expected = tmp_path / "output", tmp_path / f"expected.{kind}"
    assert main(["predict", str(table), "--model", model, "-o", str(expected)]) == 0
    capsys.readouterr()
    arguments = ["predict", str(table), "--model", model, "--beam", "--format", kind, "-o", str(output)]
    arguments += ["--set", f"beam.arguments=[direct_runner_bundle_repeat={replays}]"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"Wrote {output}: 2,000 rows in ")
    assert err == "regpipe: predicting 1 file with Beam\n"
    found, wanted = rows(output), rows(expected)
    assert found.keys() == wanted.keys()
    for name in ("a", "b", DELTA):
        assert [row[name] for row in found.values()] == [wanted[key][name] for key in found]
    np.testing.assert_allclose(
        [float(row["probability"]) for row in found.values()],
        [float(wanted[key]["probability"]) for key in found],
        rtol=0,
        atol=1e-6,
    )
    decisions = {(float(row["probability"]) >= THRESHOLD, row["decision"]) for row in found.values()}
    assert decisions == {(True, "yes"), (False, "no")}
    assert main(arguments) == 2
    assert (
        capsys.readouterr().err
        == f"regpipe: -o: expected an empty folder, or a path that does not exist, got '{output}'\n"
    )


def test_a_bad_cell_leaves_no_file(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 with file, line and column, as without Beam; the command can be repeated."""
    table = tmp_path / "t.csv"
    table.write_text(f"id,a,b,{DELTA.replace(chr(34), '')}\n".replace("x <", '"x" <') + "1,1,2,3\n2,1,no,3\n")
    output = tmp_path / "output"
    for _ in range(2):
        assert main(["predict", str(table), "--model", model, "--beam", "-o", str(output)]) == 3
        message = capsys.readouterr().err.splitlines()[-1]
        assert message == f"regpipe: {table}:3: column 'b': expected a number, found 'no'."
    assert list(output.iterdir()) == []


def test_a_model_without_a_card(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The names of the features in tf.Examples are only in the card."""
    pq.write_table(pa.table({"a": [1.0]}), tmp_path / "t.parquet")
    arguments = [
        "predict",
        f"{tmp_path}/t.parquet",
        "--model",
        str(exported),
        "--beam",
        "-o",
        f"{tmp_path}/o",
    ]
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        f"regpipe: {exported}/1: expected a model whose card lists its features; --card gives another card\n"
    )
