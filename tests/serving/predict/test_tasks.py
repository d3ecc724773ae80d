"""`regpipe predict` with models of a number and of several classes: here, with a server, and with Beam."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_def.cli.main import main
from tests.serving.conftest import Serve
from tests.serving.models import CLASSES, write_classes_model, write_number_model

TABLE = "id,a,b\np,0.25,0.5\nq,0.5,0.25\n"
PREDICTED = [("p", "größe", "0.5"), ("q", "x", "0.5")]


def write_card(folder: Path, **entries: Any) -> None:
    (folder / "assets.extra").mkdir()
    inputs = [{"feature": name, "input": name} for name in ("a", "b")]
    card = {"inputs": inputs, "data": {"missing_values": [""]}, **entries}
    (folder / "assets.extra" / "model_card.json").write_text(json.dumps(card))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three classes, with a card, as version 1 of its folder."""
    folder = tmp_path_factory.mktemp("classes")
    write_classes_model(folder / "1")
    label = {"name": "y", "negative": None, "positive": None, "classes": CLASSES}
    write_card(folder / "1", label=label, output={"name": "probabilities"})
    return folder


@pytest.fixture(scope="module")
def number(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression, with a card, as version 1 of its folder."""
    folder = tmp_path_factory.mktemp("number")
    write_number_model(folder / "1")
    label = {"name": "y", "negative": None, "positive": None}
    write_card(folder / "1", label=label, output={"name": "prediction"})
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two rows."""
    (tmp_path / "t.csv").write_text(TABLE)
    return tmp_path / "t.csv"


def predicted(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, str]]:
    assert main(["predict", *map(str, arguments)]) == 0
    return list(csv.DictReader(capsys.readouterr().out.splitlines()))


def test_several_classes(classes: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name of the most probable class and its probability; on demand that of each class."""
    rows = predicted(capsys, table, "--model", classes)
    assert list(rows[0]) == ["id", "a", "b", "prediction", "probability"]
    assert [(row["id"], row["prediction"], row["probability"]) for row in rows] == PREDICTED
    renamed = ["--column", "class", "--probability-column", "p"]
    rows = predicted(capsys, table, "--model", classes, "--probabilities", *renamed)
    assert rows[0] == {
        "id": "p", "a": "0.25", "b": "0.5", "class": "größe", "p": "0.5", "p_x": "0.25", "p_größe": "0.5", "p_z": "0.25"
    }  # fmt: skip


def test_a_server_without_a_card(
    serve: Serve, classes: Path, table: Path, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names of the classes are those of the server."""
    endpoint = getattr(serve(classes), protocol)
    rows = predicted(capsys, table, "--endpoint", endpoint, "--model-name", "regpipe", "--probabilities")
    assert [(row["id"], row["prediction"], row["probability"]) for row in rows] == PREDICTED
    assert [row["probability_größe"] for row in rows] == ["0.5", "0.25"]


def test_a_card_with_other_classes(
    serve: Serve, classes: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A card of two classes is not that of a model of three."""
    (tmp_path / "m").mkdir()
    label = {"name": "y", "classes": ["x", "y"]}
    write_card(tmp_path / "m", label=label, output={"name": "probabilities"})
    arguments = ["predict", str(table), "--endpoint", serve(classes).rest, "--model-name", "regpipe"]
    assert main([*arguments, "--card", str(tmp_path / "m" / "assets.extra" / "model_card.json")]) == 1
    assert (
        "expected 2 probabilities for each row, got an array of the shape [2, 3]" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "0.5"], "--threshold: expected none, because the model predicts one of 3 classes, got 0.5"),
        (["--column", "probability"], "--column: expected a name for each new column, got 'probability' twice"),
        (["--column", "id"], "expected no column 'id' in the table, found one; --column gives the new one another"),
    ],
)  # fmt: skip
def test_what_is_refused(
    classes: Path, table: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of several classes is not decided by a threshold, and all new columns have names of their own."""
    assert main(["predict", str(table), "--model", str(classes), *arguments]) in (2, 3)
    assert message in capsys.readouterr().err


def test_probabilities_of_a_number(number: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are none."""
    assert main(["predict", str(table), "--model", str(number), "--probabilities"]) == 2
    expected = "--probabilities: expected a model of several classes, got one whose output is prediction"
    assert expected in capsys.readouterr().err


def test_a_number_from_a_server(
    serve: Serve, number: Path, table: Path, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: 100 a - b."""
    card = number / "1" / "assets.extra" / "model_card.json"
    endpoint = getattr(serve(number), protocol)
    rows = predicted(capsys, table, "--endpoint", endpoint, "--model-name", "regpipe", "--card", card)
    assert [row["prediction"] for row in rows] == ["24.5", "49.75"]


def test_beam(
    classes: Path, number: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same columns."""
    expected = {
        classes: ["id,a,b,prediction,probability", "p,0.25,0.5,größe,0.5", "q,0.5,0.25,x,0.5"],
        number: ["id,a,b,prediction", "p,0.25,0.5,24.5", "q,0.5,0.25,49.75"],
    }
    for model, lines in expected.items():
        output = tmp_path / model.name
        assert main(["predict", str(table), "--model", str(model), "--beam", "-o", str(output)]) == 0
        [file] = output.iterdir()
        header, *rows = file.read_text().splitlines()
        assert [header, *sorted(rows)] == lines
    capsys.readouterr()
