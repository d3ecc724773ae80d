"""`regpipe drift` compares rows with the statistics of the served model: what it finds, refuses and prints."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats  # type: ignore[import-untyped]

from components.common.file_names import EXTRA_FOLDER
from components.saved_model.card_file import write_card
from components.statistics.columns import Columns
from components.statistics.training_split import training_statistics
from pipeline_def.cli.main import main

ROWS = 3_000
FEATURES = ("a", "b c", "few")
Doubles = npt.NDArray[np.float64]


def draw(rows: int, seed: int, shift: float = 0.0) -> dict[str, Doubles]:
    """Normal, shifted normal, and five whole numbers; a label with half ones."""
    random = np.random.default_rng(seed)
    return {
        "a": random.normal(size=rows),
        "b c": random.normal(size=rows) + shift,
        "few": random.integers(0, 5, rows).astype(float),
        "churned": (random.random(rows) < 0.5).astype(float),
    }


def publish(folder: Path, **data: Any) -> Path:
    """Publishes version 7 as far as `regpipe drift` reads it: its statistics and its card."""
    version = folder / "7"
    (version / EXTRA_FOLDER).mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"")
    inputs = [{"feature": name, "input": name.replace(" ", "_")} for name in FEATURES]
    label = {"name": "churned", "negative": "no", "positive": "yes"}
    card = {"inputs": inputs, "label": label, "data": {"missing_values": ["NA"], **data}}
    write_card(str(version), card)
    table = draw(ROWS, 0)
    roles = Columns((*FEATURES, "churned"), "churned")
    values = np.stack([table[name] for name in roles.names]).astype(np.float32)
    training_statistics(roles.summary(values), roles).write(str(version / EXTRA_FOLDER))
    return version


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return publish(tmp_path / "runs" / "serving")


def write(path: Path, table: dict[str, Doubles], labels: Sequence[str] | None = ("no", "yes")) -> str:
    """Writes CSV with a further column of text; without `labels`, there is no column for the label."""
    names = [name for name in table if name != "churned" or labels]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *names])
        for row, cells in enumerate(zip(*table.values(), strict=True)):
            texts = dict(zip(table, map(str, cells), strict=True))
            if labels:
                texts["churned"] = labels[int(table["churned"][row])]
            writer.writerow([f"no. {row}", *(texts[name] for name in names)])
    return str(path)


def record(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["drift", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_table_that_has_not_moved(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; all features with measure, value and limit, and the rate of the label."""
    table = write(tmp_path / "today.csv", draw(4_000, 1))
    assert main(["drift", table]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4,000 rows, compared with the training data of version 7 (3,000 rows)"
    assert [line.split()[-1] for line in lines[3:6]] == ["no", "no", "no"]
    assert lines[-2] == "No drift since the training data of version 7."
    assert lines[-1].endswith("its limits are wider, and goes on if something moved (data.drift is warn).")
    assert main(["drift", table, "--set", "data.drift=refuse"]) == 0
    assert capsys.readouterr().out.endswith("and stops if something moved.\n")
    assert any(line.startswith("The label is 1 in ") for line in lines)


def test_a_shift_is_named(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, the feature alone; the measure is SciPy's, and the limit that of the step."""
    now = draw(1_500, 1, shift=0.5)
    table = write(tmp_path / "today.csv", now)
    code, found = record(capsys, table)
    (comparison,) = found["comparisons"]
    assert (code, found["mode"], found["notes"]) == (3, "refuse", [])
    assert [finding["feature"] for finding in comparison["findings"]] == ["b c"]
    measured = {feature["feature"]: feature for feature in comparison["features"]}
    # The reference keeps 2,048 of its 3,000 values.
    expected = stats.ks_2samp(draw(ROWS, 0)["b c"], now["b c"]).statistic
    assert measured["b c"]["ks"] == pytest.approx(expected, abs=0.001)
    # sqrt(ln(e / alpha) (1/n + 1/m) / 2), alpha = 0.001 / 13 checks; 5 half points in 2,048 of the thinned side.
    limit = np.sqrt((1 + np.log(13_000)) * (1 / 3_000 + 1 / 1_500) / 2) + 5 * 0.5 / 2_048
    assert measured["a"]["limit"] == pytest.approx(limit)
    assert (measured["few"]["values"], measured["few"]["limit"]) == ("categories", 0.05)
    assert main(["drift", table]) == 3
    out = capsys.readouterr().out
    assert out.splitlines()[3].split()[-1] == "yes"
    assert "1 column has moved since the training data of version 7" in out


def test_the_formats_give_the_same_record(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CSV, TSV, JSON lines and Parquet, in one file or two."""
    now = draw(2_000, 1, shift=0.5)
    expected = record(capsys, write(tmp_path / "a.csv", now))
    frame = {name: column.tolist() for name, column in now.items() if name != "churned"}
    frame["churned"] = [("no", "yes")[int(code)] for code in now["churned"]]
    pq.write_table(pa.table(frame), tmp_path / "a.parquet")
    rows = [json.dumps(dict(zip(frame, row, strict=True))) for row in zip(*frame.values(), strict=True)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    (tmp_path / "a.tsv").write_text((tmp_path / "a.csv").read_text().replace(",", "\t"))
    for part, chosen in (("1", rows[:700]), ("2", rows[700:])):
        (tmp_path / f"part-{part}.jsonl").write_text("\n".join(chosen))
    for table in ("a.parquet", "a.jsonl", "a.tsv", "part-*.jsonl"):
        assert record(capsys, table) == expected


def test_labels_are_optional(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With all of them the rate is compared; without the column, or with a gap, it is not."""
    now = draw(2_000, 1)
    now["churned"][:] = np.arange(2_000) < 1_400  # 70% instead of half
    code, found = record(capsys, write(tmp_path / "all.csv", now))
    assert (code, found["comparisons"][0]["findings"][0]["kind"]) == (3, "label")
    assert found["comparisons"][0]["label_now"] == pytest.approx(0.7)
    code, found = record(capsys, write(tmp_path / "none.csv", now, labels=None))
    assert (code, found["comparisons"][0]["label_now"], found["notes"]) == (0, None, [])
    code, found = record(capsys, write(tmp_path / "gap.csv", now, labels=("", "yes")))
    assert (code, found["comparisons"][0]["label_now"]) == (0, None)
    assert found["notes"] == ["The label is not compared: 600 of 2,000 rows have no value of 'churned'."]


def test_the_weights_of_the_rows_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table of two halves, of which the shifted one weighs almost nothing, has not moved."""
    folder = publish(tmp_path / "serving", weight="w")
    steady, shifted = draw(2_000, 1), draw(2_000, 2, shift=3)
    now = {name: np.concatenate([steady[name], shifted[name]]) for name in steady}
    table = write(tmp_path / "unweighted.csv", now)
    code, found = record(capsys, table, "--model", str(folder))
    assert (code, len(found["notes"])) == (3, 1)
    assert "weighted by 'w'" in found["notes"][0]
    now["w"] = np.repeat([1.0, 1e-6], 2_000)
    assert record(capsys, write(tmp_path / "w.csv", now), "--model", str(folder))[0] == 0
    now["w"][3] = 0
    assert main(["drift", write(tmp_path / "w.csv", now), "--model", str(folder)]) == 3
    assert "w.csv:5: column 'w' (data.weight): expected a number > 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,a,few\n1,2,3\n", "today.csv: expected the model's feature 'b c', found only the columns"),
        ("a,b c,few\n1,2,3\n1,x,3\n", "today.csv:3: column 'b c': expected a number, found 'x'."),
        ("a,b c,few\n1,2,3\n", "today.csv: expected at least 6 rows, found 1: fewer could not differ"),
        ("a,b c,few,churned\n1,2,3,maybe\n", "today.csv:2: label 'churned': expected one of 'no', 'yes'"),
        ("a,b c,few\n", "today.csv: "),
    ],
)
def test_rows_that_cannot_be_used(
    content: str, message: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 3, and nothing on standard output."""
    (tmp_path / "today.csv").write_text(content)
    assert main(["drift", "today.csv", "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"regpipe: {message}")
    assert len(err.splitlines()) == 1


def test_a_missing_column_as_missing_values(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = draw(500, 1)
    del now["b c"]
    code, found = record(capsys, write(tmp_path / "today.csv", now), "--allow-missing")
    (finding,) = found["comparisons"][0]["findings"]
    assert (code, finding["feature"], finding["kind"], finding["value"]) == (3, "b c", "missing", 1.0)


def test_models_that_cannot_be_used(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No model, no statistics, damaged statistics, no card: one sentence each, exit code 2."""
    table = write(tmp_path / "today.csv", draw(100, 1))
    statistics = model / EXTRA_FOLDER / "training_statistics.json"
    statistics.write_text(statistics.read_text()[:-200])
    assert main(["drift", table]) == 2
    assert "found a damaged file" in capsys.readouterr().err
    statistics.unlink()
    assert main(["drift", table]) == 2
    assert "an earlier version of regpipe published it" in capsys.readouterr().err
    (model / EXTRA_FOLDER / "model_card.json").write_text("{")
    assert main(["drift", table]) == 2
    assert "expected a model whose card lists its features" in capsys.readouterr().err
    assert main(["drift", table, "--root", "elsewhere"]) == 2
    assert "`regpipe run` publishes one" in capsys.readouterr().err
    assert main(["drift", table, "--model-name", "m"]) == 2
    assert main(["drift", "-", "--request-log"]) == 2


def test_a_label_that_is_a_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is compared if every row has one; a text in its place is refused with file and line."""
    version = publish(tmp_path / "serving")
    card = {
        "inputs": [{"feature": "a", "input": "a"}],
        "label": {"name": "price", "negative": None, "positive": None},
        "data": {"missing_values": ["NA"]},
    }
    write_card(str(version), card)
    random = np.random.default_rng(0)
    table = np.stack([random.normal(size=ROWS), random.normal(100, 10, ROWS)]).astype(np.float32)
    roles = Columns(("a", "price"), "price", number=True)
    training_statistics(roles.summary(table), roles).write(str(version / EXTRA_FOLDER))

    def compared(prices: Doubles, *last: str) -> tuple[int, Any]:
        rows = [f"{a},{price}" for a, price in zip(random.normal(size=prices.size), prices, strict=True)]
        (tmp_path / "t.csv").write_text("\n".join(["a,price", *rows, *last]))
        return record(capsys, str(tmp_path / "t.csv"), "--model", str(version))

    assert compared(random.normal(100, 10, 1_500))[0] == 0
    code, found = compared(random.normal(108, 10, 1_500))
    (comparison,) = found["comparisons"]
    assert (code, [finding["kind"] for finding in comparison["findings"]]) == (3, ["label"])
    assert comparison["label"]["feature"] == "price"
    assert main(["drift", str(tmp_path / "t.csv"), "--model", str(version)]) == 3
    assert any(
        line.startswith("price ") and line.endswith(" yes") for line in capsys.readouterr().out.splitlines()
    )
    code, found = compared(random.normal(100, 10, 1_500), "1,NA")
    assert (code, found["comparisons"][0]["label"]) == (0, None)
    assert found["notes"] == ["The label is not compared: 1 of 1,501 rows have no value of 'price'."]
    assert main(["drift", str(tmp_path / "t.csv"), "--model", str(version)]) == 0
    capsys.readouterr()
    (tmp_path / "t.csv").write_text("a,price\n1,cheap\n")
    assert main(["drift", str(tmp_path / "t.csv"), "--model", str(version)]) == 3
    assert "t.csv:2: label 'price': expected a number, found 'cheap'" in capsys.readouterr().err


def test_a_label_of_several_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shares of the classes are compared by name; a value that is no class is refused with file and line."""
    version = publish(tmp_path / "serving")
    names = ("x", "y z", "ü")
    card = {
        "inputs": [{"feature": "a", "input": "a"}],
        "label": {"name": "kind", "negative": None, "positive": None, "classes": names},
        "data": {"missing_values": ["NA"]},
    }
    write_card(str(version), card)
    random = np.random.default_rng(0)
    table = np.stack([random.normal(size=ROWS), random.integers(0, 3, ROWS)]).astype(np.float32)
    roles = Columns(("a", "kind"), "kind", classes=names)
    training_statistics(roles.summary(table), roles).write(str(version / EXTRA_FOLDER))

    def compared(shares: Sequence[float], *last: str) -> int:
        kinds = random.choice(names, 1_500, p=shares)
        rows = [f"{a},{kind}" for a, kind in zip(random.normal(size=1_500), kinds, strict=True)]
        (tmp_path / "t.csv").write_text("\n".join(["a,kind", *rows, *last]))
        return main(["drift", str(tmp_path / "t.csv"), "--model", str(version)])

    assert compared([1 / 3, 1 / 3, 1 / 3]) == 0
    capsys.readouterr()
    assert compared([0.2, 0.3, 0.5]) == 3
    out = capsys.readouterr().out
    assert any(line.startswith("kind ") and line.endswith(" yes") for line in out.splitlines())
    assert "'ü' in 3" in out
    assert compared([1 / 3, 1 / 3, 1 / 3], "1,other") == 3
    assert (
        "t.csv:1502: label 'kind': expected one of 'x', 'y z', 'ü', found 'other'" in capsys.readouterr().err
    )
