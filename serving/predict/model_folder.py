"""Finds a model and reads its card. Does not import TensorFlow, so that errors are reported at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.common import storage
from components.common.file_names import CARD_FILE
from components.example_gen.cell_parsing import CellFormat, missing_markers
from components.pusher.publication import Destination, version_store
from components.saved_model.card_file import decision_threshold, read_intact_card
from serving.client.exceptions import ModelNotFound

_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, kw_only=True)
class CardEntries:
    """The entries of a model card that describe the model's input tables and its decisions.

    Attributes:
        features: the feature of each input of the model; empty without a card.
        texts: the inputs that take texts.
        cells: how the cells of the table were written in training; None without a card.
        booleans: the features whose cells were words such as true and false.
        threshold: the decision threshold; None without an operating point.
        classes: the values of the label, as in the training table, in the order of their numbers; "0" and "1" without a
            card, empty if the label is a number.
        output: the name of the output, which is that of the added column; "probability" without a card.
        label: the name of the label; None without a card.
        weight: the name of the column with the weights of the training data; None without one.
    """

    features: Mapping[str, str] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    cells: CellFormat | None = None
    booleans: frozenset[str] = frozenset()
    threshold: float | None = None
    classes: tuple[str, ...] = ("0", "1")
    output: str = "probability"
    label: str | None = None
    weight: str | None = None

    @property
    def numbers(self) -> dict[str, str]:
        """The feature of each input that takes numbers."""
        return {name: feature for name, feature in self.features.items() if name not in self.texts}

    @property
    def categorical(self) -> dict[str, str]:
        """The feature of each input that takes texts."""
        return {name: feature for name, feature in self.features.items() if name in self.texts}


def find_model(path: str) -> str:
    """Returns the folder of a SavedModel: the path itself, or the current version published there.

    Raises:
        ModelNotFound: there is no SavedModel and no published version.
    """
    names = storage.list_folder(path)
    if _SAVED_MODEL in names:
        return path
    versions = version_store(Destination(directory=path, keep_versions=1, model_name=""))
    current = versions.current()
    if current is None:
        found = "neither" if names else "nothing"
        raise ModelNotFound(
            f"{path}: expected a SavedModel, or a folder with published versions, found {found}."
        )
    folder = versions.path(current)
    if _SAVED_MODEL not in storage.list_folder(folder):
        raise ModelNotFound(f"{folder}: expected a SavedModel, found no {_SAVED_MODEL}.")
    return folder


def read_card_entries(folder: str) -> CardEntries:
    """Returns the entries in the card of the model in a folder; an empty `CardEntries` without a valid card."""
    try:
        return _card_entries(read_intact_card(folder))
    except (AttributeError, KeyError, TypeError):
        return CardEntries()


def load_card_entries(path: Path) -> CardEntries:
    """Returns the entries in a card: a `model_card.json`, or the card in a model's folder.

    Raises:
        ValueError: the file is not a card, or has no inputs.
        OSError: the file can't be read.
    """
    file = path / CARD_FILE if path.is_dir() else path
    try:
        return _card_entries(json.loads(file.read_bytes()))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{file}: expected the card of a model with its inputs, found none.") from None


def _card_entries(card: Mapping[str, Any]) -> CardEntries:
    label, data = card.get("label", {}), card["data"]
    classes = label.get("classes") or (label.get("negative", "0"), label.get("positive", "1"))
    cells = CellFormat(
        missing=missing_markers(data["missing_values"]),
        decimal=data.get("decimal", "."),
        thousands=data.get("thousands", ""),
    )
    return CardEntries(
        features={entry["input"]: entry["feature"] for entry in card["inputs"]},
        texts=frozenset(entry["input"] for entry in card["inputs"] if entry.get("dtype") == "string"),
        cells=cells,
        booleans=frozenset(data.get("booleans", ())),
        threshold=decision_threshold(card),
        classes=tuple(value for value in classes if value is not None),
        output=card.get("output", {}).get("name", "probability"),
        label=label.get("name"),
        weight=data.get("weight"),
    )
