"""`regpipe config`: all keys, one group of them, or those that differ from the defaults."""

from pathlib import Path

import pytest
import yaml

from pipeline_def.cli.main import main
from pipeline_def.config.load import config_yaml, load_config


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["config", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def reread(text: str, tmp_path: Path) -> object:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return load_config(path)


SPLIT = {
    **{"by": "row", "column": None, "eval_from": None, "test_from": None},
    **{"train": 6, "eval": 2, "test": 2, "seed": 0},
}


def test_config_prints_the_effective_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "model.l1=0.5"]) == 0
    assert capsys.readouterr().out == config_yaml(load_config(None, ["model.l1=0.5"]))


def test_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    """All its keys, those of its inner groups too, with their values, and no key of another group."""
    found = yaml.safe_load(printed(["data", "--set", "data.label=churned"], capsys))
    assert list(found) == ["data"]
    assert found["data"]["label"] == "churned"
    assert found["data"]["split"] == SPLIT


def test_the_lines_of_a_group_are_those_of_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(["training"], capsys).splitlines()
    head, rest = lines[0], "\n".join(lines[1:])
    assert head.startswith("# ")
    assert rest.strip() in printed([], capsys)


def test_an_inner_group(capsys: pytest.CaptureFixture[str]) -> None:
    found = yaml.safe_load(printed(["data.split"], capsys))
    assert found == {"data": {"split": SPLIT}}


def test_one_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert yaml.safe_load(printed(["model.l1", "--set", "model.l1=0.5"], capsys)) == {"model": {"l1": 0.5}}
    assert yaml.safe_load(printed(["name"], capsys)) == {"name": "regpipe"}


@pytest.mark.parametrize(
    ("group", "hint"),
    [
        ("dta", "did you mean data?"),
        ("data.spilt", "did you mean data.split?"),
        ("l1", "did you mean model.l1?"),
        ("xyz", "there are name, data, model"),
        ("", "there are name, data, model"),
    ],
)
def test_an_unknown_group_is_a_usage_error(group: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", group]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"regpipe: GROUP: expected a group of keys or a key, got {group!r}; ")
    assert hint in err


def test_changed_prints_only_what_differs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """From the file and from --set; a key that is given its default does not differ."""
    path = tmp_path / "p.yaml"
    path.write_text("data:\n  split: {train: 8}\ntraining: {epochs: 100}\n")
    arguments = ["--config", str(path), "--set", "model.hidden_units=[64]", "--set", "model.l1=0.5"]
    text = printed(["--changed", *arguments], capsys)
    assert yaml.safe_load(text) == {
        "data": {"split": {"train": 8}},
        "model": {"hidden_units": [64], "l1": 0.5},
    }
    assert reread(text, tmp_path) == load_config(path, ["model.hidden_units=[64]", "model.l1=0.5"])


def test_changed_in_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--changed", "--set", "training.epochs=5", "--set", "model.l1=0.5"]
    assert yaml.safe_load(printed(["model", *arguments], capsys)) == {"model": {"l1": 0.5}}


def test_nothing_changed_is_a_comment(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = printed(["--changed"], capsys)
    assert text == "# Every key is at its default.\n"
    assert reread(text, tmp_path) == load_config(None)
    assert printed(["model", "--changed", "--set", "training.epochs=5"], capsys) == (
        "# Every key under model is at its default.\n"
    )
    assert printed(["model.l1", "--changed"], capsys) == "# The key model.l1 is at its default.\n"


def test_a_wrong_configuration_is_reported_before_the_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "data", "--set", "training.epochs=0"]) == 2
    assert "training.epochs: expected a whole number >= 1, got 0" in capsys.readouterr().err
