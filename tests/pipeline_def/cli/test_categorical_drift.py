"""`regpipe drift` compares texts: the same record from each format and from a log of requests."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from scipy.spatial.distance import jensenshannon  # type: ignore[import-untyped]

from components.common.file_names import EXTRA_FOLDER
from components.saved_model.card_file import write_card
from components.statistics.columns import Columns
from components.statistics.text_counts import TextCounts
from components.statistics.training_split import training_statistics
from pipeline_def.cli.main import main
from tests.serving.drift.test_request_log import classified, predicted, write

ROWS = 2_000
CITIES = ("Köln", "Paris", "Rome")
SHARES = (0.5, 0.3, 0.2)
MOVED = (0.35, 0.3, 0.2, 0.15)  # the last one is a new text


def draw(seed: int, shares: tuple[float, ...] = SHARES, rows: int = ROWS) -> dict[str, Any]:
    """Returns texts of two columns, 10% of them missing, and numbers; only the texts of `home town` change."""
    random = np.random.default_rng(seed)
    cities = np.array([*CITIES, "Oslo"], object)[random.choice(len(shares), rows, p=shares)]
    cities[random.random(rows) < 0.1] = ""
    plans = np.array(["a", "b"], object)[random.integers(0, 2, rows)]
    return {"home town": cities, "plan": plans, "age": random.normal(size=rows).astype(np.float32)}


def publish(folder: Path, features: tuple[str, ...] = ("home town", "plan", "age")) -> Path:
    """Publishes version 7 as far as `regpipe drift` reads it: its statistics and its card."""
    version = folder / "7"
    (version / EXTRA_FOLDER).mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"")
    kinds = {name: "float32" if name == "age" else "string" for name in features}
    inputs = [{"feature": name, "input": name.replace(" ", "_"), "dtype": kinds[name]} for name in features]
    write_card(str(version), {"inputs": inputs, "label": {"name": "y"}, "data": {"missing_values": ["NA"]}})
    table = draw(0)
    numbers = tuple(name for name in features if name == "age")
    texts = tuple(name for name in features if name != "age")
    roles = Columns((*numbers, "y"), "y", categorical=texts)
    counts = [TextCounts() for _ in texts]
    for name, counted in zip(texts, counts, strict=True):
        counted.add(table[name], None)
    values = np.stack([*(table[name] for name in numbers), np.zeros(ROWS, np.float32)])
    training_statistics(roles.summary(values), roles, counts).write(str(version / EXTRA_FOLDER))
    return version


def record(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["drift", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return publish(tmp_path / "runs" / "serving")


def write_csv(path: Path, table: dict[str, Any]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))
    return str(path)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_measures_of_a_change(
    seed: int, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """L-infinity, Jensen-Shannon and the share of new texts follow from the counts; another feature has not moved."""
    before, now = draw(0), draw(seed, MOVED)
    code, found = record(capsys, write_csv(tmp_path / "today.csv", now))
    (comparison,) = found["comparisons"]
    measured = {feature["feature"]: feature for feature in comparison["features"]}
    sides = [Counter(text for text in table["home town"] if text) for table in (before, now)]
    p, q = (np.array([side[text] for text in (*CITIES, "Oslo")]) / side.total() for side in sides)
    town = measured["home town"]
    assert town["values"] == "categories"
    assert town["l_infinity"] == pytest.approx(np.abs(p - q).max())
    assert town["jensen_shannon"] == pytest.approx(jensenshannon(p, q, base=2))
    assert town["unseen"] == pytest.approx(q[3])
    assert town["missing_now"] == pytest.approx(1 - sides[1].total() / ROWS)
    assert code == 3
    assert {(item["feature"], item["kind"]) for item in comparison["findings"]} == {
        ("home town", "distribution"),
        ("home town", "unseen"),
    }
    assert main(["drift", str(tmp_path / "today.csv")]) == 3
    assert "'Oslo'" in capsys.readouterr().out


def test_the_formats_give_the_same_record(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CSV, JSON lines, Parquet, and requests with named inputs and with tf.Examples."""
    now = draw(1, MOVED)
    expected = record(capsys, write_csv(tmp_path / "a.csv", now))
    columns = {name: column.tolist() for name, column in now.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(pa.table({**columns, "plan": pa.array(columns["plan"]).dictionary_encode()}), "a.parquet")
    for table in ("a.jsonl", "a.parquet"):
        assert record(capsys, table) == expected
    half = ROWS // 2
    named = predicted(**{name.replace(" ", "_"): column[:half] for name, column in now.items()})
    examples = []
    for row in rows[half:]:
        example = tf.train.Example()
        for name, value in row.items():
            feature = example.features.feature[name]
            if name == "age":
                feature.float_list.value.append(value)
            elif value:  # a missing text may be absent
                feature.bytes_list.value.append(value.encode())
        examples.append(example)
    wrong = predicted(home_town=now["age"], plan=now["plan"], age=now["age"])  # numbers for texts
    write(tmp_path / "log", [named, wrong, classified(examples)])
    code, found = record(capsys, "log", "--request-log", "--model-name", "m")
    assert found.pop("notes") == ["Skipped: 1 record without rows for this model's signatures."]
    assert (code, found["comparisons"]) == (expected[0], expected[1]["comparisons"])


@pytest.mark.parametrize("features", [("home town",), ("home town", "plan", "age")], ids=["texts", "mixed"])
def test_tables_that_have_not_moved(
    features: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of ten tables none has a finding; a model may have features with texts alone."""
    version = publish(tmp_path / "serving", features)
    for seed in range(1, 11):
        table = write_csv(tmp_path / "today.csv", draw(seed))
        assert main(["drift", table, "--model", str(version)]) == 0
    assert "No drift" in capsys.readouterr().out


def test_texts_are_weighted(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table in which each Roman row has the weight 3 has the measures of one with these rows three times."""
    now = draw(4)
    weights = np.where(now["home town"] == "Rome", 3, 1)
    card = json.loads((model / EXTRA_FOLDER / "model_card.json").read_text())
    write_card(str(model), card | {"data": {"missing_values": ["NA"], "weight": "w"}})
    repeated = {name: np.repeat(column, weights) for name, column in now.items()}
    tables = write_csv(tmp_path / "w.csv", {**now, "w": weights}), write_csv(tmp_path / "r.csv", repeated)
    shares = []
    for table in tables:
        _, found = record(capsys, table)
        measured = {feature["feature"]: feature for feature in found["comparisons"][0]["features"]}
        shares.append(
            [measured["home town"][name] for name in ("l_infinity", "jensen_shannon", "missing_now")]
        )
    assert shares[0] == pytest.approx(shares[1])


def test_a_missing_column_of_texts(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is an error, or with --allow-missing all texts are missing."""
    now = draw(1)
    del now["plan"]
    table = write_csv(tmp_path / "today.csv", now)
    assert main(["drift", table]) == 3
    assert "expected the model's feature 'plan'" in capsys.readouterr().err
    code, found = record(capsys, table, "--allow-missing")
    assert (code, [(item["feature"], item["kind"]) for item in found["comparisons"][0]["findings"]]) == (
        3,
        [("plan", "missing")],
    )
