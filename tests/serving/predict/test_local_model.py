"""Predictions with a SavedModel in this process, and their errors."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.example_gen.cell_parsing import CellFormat
from serving.client.exceptions import ModelNotFound, RequestRejected
from serving.predict.model_folder import CardEntries, find_model, load_card_entries, read_card_entries

NAN = float("nan")
INPUTS = {"a": "a", "b": "b", "f___price___a_b___x___script_": "Δ-price. 'a/b' \"x\" <script>"}


def columns(*rows: tuple[float, float, float]) -> dict[str, np.ndarray]:
    return dict(zip(INPUTS, np.array(rows, np.float32).T, strict=True))


def test_it_answers(exported: Path) -> None:
    """The results equal the logistic regression computed by hand: inputs scaled to 0-1, missing ones the mean."""
    from serving.predict.local_model import LocalModel

    model = LocalModel(str(exported / "1"))
    assert model.input_names() == sorted(INPUTS)
    rows = columns((1.0, 4.0, 50.0), (NAN, NAN, NAN), (99.0, -99.0, 30.0))
    vectors = np.array([[0.5, 0.2, 1.0], [0.4375, 0.4, 0.4375], [1.0, 0.0, 0.5]])
    expected = 1 / (1 + np.exp(-(vectors @ [1.0, -2.0, 0.5] + 0.25)))
    answer = model.predict(rows)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    np.testing.assert_array_equal(model.predict({name: rows[name][:1] for name in rows}), answer[:1])
    model.close()


def test_columns_that_are_not_the_inputs(exported: Path) -> None:
    """One column too many or too few, or of another type or length, is an error."""
    from serving.predict.local_model import LocalModel

    model = LocalModel(str(exported / "1"))
    rows = columns((1.0, 2.0, 3.0))
    for wrong in ({**rows, "more": rows["a"]}, {name: rows[name] for name in list(rows)[:2]}):
        other = "more" if "more" in wrong else list(INPUTS)[2]
        with pytest.raises(RequestRejected) as caught:
            model.predict(wrong)
        assert str(caught.value) == (
            f"{exported}/1: expected a column for each input and no other, got a difference in {other}."
        )
    with pytest.raises(ValueError, match="expected each column to be float32"):
        model.predict({**rows, "b": rows["b"].astype(np.float64)})


def test_what_is_no_model(tmp_path: Path, echo_model: Path) -> None:
    """A damaged file, and a SavedModel without the signature."""
    import tensorflow as tf

    from serving.predict.local_model import LocalModel

    broken = tmp_path / "broken"
    shutil.copytree(echo_model, broken)
    (broken / "saved_model.pb").write_bytes(b"no protobuf")
    with pytest.raises(RequestRejected, match=f"^{broken}: TensorFlow can't load the model: "):
        LocalModel(str(broken))
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(ModelNotFound) as caught:
        LocalModel(str(tmp_path / "bare"))
    assert str(caught.value) == f"{tmp_path}/bare: expected the signature serving_default, found none."


def test_the_newest_version_is_found(tmp_path: Path) -> None:
    """Versions are compared as numbers; a path that is a SavedModel is used itself."""
    for name in ("9", "10", "incoming-11", "x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert find_model(str(tmp_path)) == f"{tmp_path}/10"
    assert find_model(f"{tmp_path}/9") == f"{tmp_path}/9"


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("gone", "expected a SavedModel, or a folder with published versions, found nothing."),
        ("other", "expected a SavedModel, or a folder with published versions, found neither."),
    ],
)
def test_no_version(folder: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "other" / "x").mkdir(parents=True)
    with pytest.raises(ModelNotFound) as caught:
        find_model(f"{tmp_path}/{folder}")
    assert str(caught.value) == f"{tmp_path}/{folder}: {message}"


def test_a_version_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    with pytest.raises(ModelNotFound) as caught:
        find_model(str(tmp_path))
    assert str(caught.value) == f"{tmp_path}/3: expected a SavedModel, found no saved_model.pb."


def test_what_the_card_tells(tmp_path: Path) -> None:
    """The card is read from a folder or a file; a model without a valid card has no entries."""
    assert read_card_entries(str(tmp_path)) == CardEntries()
    card = tmp_path / "assets.extra" / "model_card.json"
    card.parent.mkdir()
    card.write_text("{}")
    assert read_card_entries(str(tmp_path)) == CardEntries()
    with pytest.raises(ValueError, match="expected the card of a model with its inputs, found none"):
        load_card_entries(card)
    content: dict[str, Any] = {
        "inputs": [{"feature": "a b", "input": "a_b"}],
        "data": {"missing_values": ["", "-9"]},
    }
    card.write_text(json.dumps(content))
    cells = CellFormat(missing=frozenset({"", "-9"}))
    told = CardEntries(features={"a_b": "a b"}, cells=cells)
    assert read_card_entries(str(tmp_path)) == load_card_entries(card) == load_card_entries(tmp_path) == told
    content["label"] = {"name": "churned", "negative": "no", "positive": "yes"}
    content["evaluation"] = {"operating_point": {"threshold": 0.25}}
    card.write_text(json.dumps(content))
    decides = dataclasses.replace(told, threshold=0.25, classes=("no", "yes"), label="churned")
    assert read_card_entries(str(tmp_path)) == load_card_entries(card) == decides
    for nothing in ({}, {"operating_point": None}, None):
        card.write_text(json.dumps({**content, "evaluation": nothing}))
        assert read_card_entries(str(tmp_path)).threshold is None
    number = {
        "label": {"name": "price", "negative": None, "positive": None},
        "output": {"name": "prediction"},
    }
    card.write_text(json.dumps({**content, **number, "evaluation": {}}))
    assert read_card_entries(str(tmp_path)) == dataclasses.replace(
        told, classes=(), label="price", output="prediction"
    )
    card.write_text(json.dumps({**content, "evaluation": "none"}))
    assert read_card_entries(str(tmp_path)) == CardEntries()
    content = {"inputs": content["inputs"], "data": content["data"]}
    content["data"] |= {"decimal": ",", "thousands": ".", "booleans": ["a b"]}
    card.write_text(json.dumps(content))
    cells = CellFormat(missing=frozenset({"", "-9"}), decimal=",", thousands=".")
    assert load_card_entries(card) == CardEntries(
        features={"a_b": "a b"}, cells=cells, booleans=frozenset({"a b"})
    )
