"""`regpipe init`."""

from pathlib import Path

import pytest

from pipeline_def.cli.main import main
from pipeline_def.config.load import load_config


def table(path: Path, labels: tuple[str, ...]) -> None:
    rows = [f"{n}.5,{n * n},town {n},{labels[n % len(labels)]}" for n in range(40)]
    path.write_text("\n".join(["age,income,town,bought", *rows]) + "\n")


def test_init_writes_a_configuration_that_says_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "t.csv", tmp_path / "p.yaml"
    table(source, ("yes", "no", "no"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 0
    config = load_config(output)
    assert (config.data.input, config.data.label) == (str(source), "bought")
    assert (config.data.positive_label, config.data.ignore, config.data.features) == ("yes", ("town",), ())
    assert "# A guess out of 'no', 'yes': correct it if it is wrong.\n" in output.read_text()
    assert capsys.readouterr().out.splitlines() == [
        f"{source} (CSV, delimiter ','): 4 columns",
        "  label     'bought' with the values 'no', 'yes'",
        "            'yes' counts as 1, which is a guess: see data.positive_label",
        "  features  2: 'age', 'income'",
        "  warning   Left out, because they hold text throughout: 'town'.",
        f"Wrote {output}. Next: regpipe run --config {output}",
    ]


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
    table(source, ("a", "b", "c"))
    assert main(["init", "--data", str(source), "--label", "bought", "-o", str(output)]) == 3
    assert main(["init", "--data", str(source), "--label", "boght", "-o", str(output)]) == 3
    assert main(["init", "--data", str(tmp_path / "none.csv"), "--label", "y", "-o", str(output)]) == 3
    assert not output.exists()
    assert "Did you mean 'bought'?" in capsys.readouterr().err
