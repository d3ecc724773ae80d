"""`regpipe init`."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from components.example_gen.table import find_table
from pipeline_def.cli.main import main
from pipeline_def.config.load import KEYS, load_config


def table(path: Path, labels: tuple[str, ...]) -> None:
    rows = [f"{n}.5,{n * n},town {n},{labels[n % len(labels)]}" for n in range(40)]
    path.write_text("\n".join(["age,income,town,bought", *rows]) + "\n")


def test_init_writes_what_was_found_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("yes", "no", "no"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 0
    config = load_config(output)
    assert (config.data.input, config.data.label) == (str(source), "bought")
    assert (config.data.positive_label, config.data.ignore, config.data.features) == ("yes", ("town",), ())
    assert "# A guess from 'no', 'yes': correct it if it is wrong.\n" in output.read_text()
    assert capsys.readouterr().out.splitlines() == [
        f"{source} (CSV, delimiter ','): 4 columns",
        "  label     'bought' with the values 'no', 'yes'",
        "            'yes' counts as 1, which is a guess: see data.positive_label",
        "  features  2: 'age', 'income'",
        "  warning   Left out, because they contain only text, and not 2 to 50 different",
        "            texts (data.max_categories) that repeat: 'town'. data.categorical",
        "            makes such columns features.",
        f"Wrote {output} with the keys that matter first; every other key is at its default.",
        "All keys: regpipe config. The keys of one group, such as training: regpipe config training",
        f"Next: regpipe run --config {output}",
    ]


def test_init_writes_how_numbers_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with the file reads the same; texts that seem to mean a missing value are added."""
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    rows = [f"1.000,{n:02};{'open' if n % 10 == 0 else n};A{n};{n % 2}" for n in range(40)]
    source.write_text("\n".join(["a;b;code;y", *rows]) + "\n")
    assert main(["init", "--data", str(source), "--label", "y", "-o", str(output)]) == 0
    config = load_config(output).data
    assert (config.decimal, config.thousands, config.ignore) == (",", ".", ("code",))
    assert config.missing_values[-2:] == ("-", "open")
    told = capsys.readouterr().out
    said = "Numbers are read with the decimal mark ',' (data.decimal) and the thousands separator '.' (data.thousands)."
    assert said in " ".join(told.split())
    assert "  missing   'open' too, which is a guess: see data.missing_values\n" in told
    assert find_table(config).features == ("a", "b")


def test_init_overwrites_only_when_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("0", "1"))
    output.write_text("mine")
    arguments = ["init", "--data", str(source), "--label", "bought", "-o", str(output)]
    assert main(arguments) == 2
    assert output.read_text() == "mine"
    assert capsys.readouterr().err == f"regpipe: -o: {output} exists; --force overwrites it\n"
    assert main([*arguments, "--force"]) == 0
    assert load_config(output).data.positive_label is None


def test_init_refuses_what_a_run_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("a",))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 3
    assert main(["init", "--data", str(source), "--label", "boght", "-o", str(output)]) == 3
    assert main(["init", "--data", str(tmp_path / "none.csv"), "--label", "y", "-o", str(output)]) == 3
    assert not output.exists()
    assert "Did you mean 'bought'?" in capsys.readouterr().err
    table(source, ("0", "5", "9"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 3
    assert "more than two values, 3 whole numbers, such as 0, 5, 9: set data.task" in capsys.readouterr().err
    source.write_text("name,town,bought\nann,rome,0\nbob,oslo,1\n")
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 3
    assert "found only columns without numbers: 'name', 'town'." in capsys.readouterr().err


def test_init_writes_what_a_person_needs_first(tmp_path: Path) -> None:
    """The keys for a new table, each with its explanation, and how to print the others; no key of Kubeflow or Beam."""
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("0", "1"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 0
    text = output.read_text()
    written = yaml.safe_load(text)
    assert list(written) == ["name", "data", "model", "training", "evaluation"]
    assert written["data"] == {
        "input": str(source),
        "label": "bought",
        "positive_label": None,
        "features": [],
        "ignore": ["town"],
        "missing_values": ["", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "\\n", "?", "-"],
        "split": {"by": "row", "column": None},
    }
    assert written["model"]["hidden_units"] == [128, 64]
    assert written["training"]["epochs"] == 100
    assert "min_auc" in written["evaluation"]
    assert "\n  # Found 2: 'age', 'income'.\n" in text
    assert f"\n  # {KEYS['model.hidden_units'].sentence[:40]}" in text
    head = text.partition("\n\n")[0]
    assert "regpipe config" in head
    assert "kubeflow" in head
    assert max(map(len, head.splitlines())) <= 100


def test_what_init_writes_is_the_whole_configuration(tmp_path: Path) -> None:
    """Read back, it equals the defaults with what was found in the table; also with names that YAML must quote."""
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    source.write_text("yes,1,town,#\n" + "".join(f"{n},{n * n},t {n},{'NY'[n % 2]}\n" for n in range(40)))
    assert main(["init", "--data", str(source), "--label", "#", "-o", str(output)]) == 0
    expected = ["data.label='#'", "data.ignore=[town]", "data.positive_label='Y'", f"data.input={source}"]
    assert load_config(output) == load_config(None, expected)


def test_init_says_what_may_be_an_id_or_a_leak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the sentences of a run, for CSV and Parquet; nothing is written for it, because it may be right."""
    numbers = np.arange(300)
    kinds = np.array(["red", "blue", "green"])[numbers % 3]
    rows = {
        "kind": kinds,
        "plan": np.array(["stays", "goes"])[numbers % 2],
        "row": numbers,
        "code": numbers % 2 + 0.5,
        "age": numbers * 7 % 31,
        "y": numbers % 2,
    }
    text = "\n".join(
        ["kind,plan,row,code,age,y", *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
    )
    (tmp_path / "t.csv").write_text(text + "\n")
    parquet.write_table(pa.table(rows), tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        output = tmp_path / f"{name}.yaml"
        assert main(["init", "--data", str(tmp_path / name), "--label", "y", "-o", str(output)]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert (
            "1 feature may be an id or a row number, because all values are different whole numbers: 'row'."
            in told
        )
        assert "2 features separate the classes almost alone" in told
        assert "add ['code', 'plan', 'row'] to data.ignore." in told
        assert load_config(output).data.ignore == ()


def test_init_suggests_a_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a column of names of splits, of dates (with the edges at 60% and 80% of the rows), and of ids that repeat.

    Nothing is set. Numbers that repeat, such as an age, are no ids.
    """
    first = datetime.date(2024, 1, 1)
    rows = {
        "part": ["train", "Valid", "test"] * 40,
        "day": [first + datetime.timedelta(days) for days in range(120)],
        "customerId": [n % 12 for n in range(120)],
        "age": [n % 13 for n in range(120)],
        "paid": [n % 7 for n in range(120)],
        "y": [n % 2 for n in range(120)],
    }
    parquet.write_table(pa.table(rows), tmp_path / "t.parquet")
    csv = "\n".join(",".join(map(str, row)) for row in [rows, *zip(*rows.values(), strict=True)])
    (tmp_path / "t.csv").write_text(csv + "\n")
    for name in ("t.csv", "t.parquet"):
        output = tmp_path / f"{name}.yaml"
        assert main(["init", "--data", str(tmp_path / name), "--label", "y", "-o", str(output)]) == 0
        told = capsys.readouterr().out
        assert [line.split()[1] for line in told.splitlines() if line.startswith("  split ")] == [
            "'part'", "'day'", "'customerId'",
        ]  # fmt: skip
        written = " ".join(output.read_text().replace("#", " ").split())
        assert (
            "data.split.by: time, data.split.column: day, data.split.eval_from: 2024-03-13, "
            "data.split.test_from: 2024-04-06." in written
        )
        assert "data.split.by: group, data.split.column: customerId." in written
        assert "'customerId' has 12 values in 120 rows" in " ".join(told.split())
        assert "data.split.by: column, data.split.column: part." in written
        assert load_config(output).data.split == load_config(None).data.split
