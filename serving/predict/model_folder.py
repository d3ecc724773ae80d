"""Finds a model and reads its inputs from its card. Does not import TensorFlow, so that errors are reported at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.common import storage
from components.common.file_names import CARD_FILE
from components.pusher.publication import Destination, version_store
from components.saved_model.card_file import read_card
from serving.client.exceptions import ModelNotFound

_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, kw_only=True)
class CardInputs:
    """The entries of a model card that describe the model's input tables.

    Attributes:
        features: the feature of each input of the model; empty without a card.
        missing_values: the cells that meant a missing value in training; None without a card.
    """

    features: Mapping[str, str] = field(default_factory=dict)
    missing_values: tuple[str, ...] | None = None


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


def read_card_inputs(folder: str) -> CardInputs:
    """Returns the entries in the card of the model in a folder; an empty `CardInputs` without a valid card."""
    try:
        return _card_inputs(read_card(folder))
    except (KeyError, TypeError):
        return CardInputs()


def load_card_inputs(path: Path) -> CardInputs:
    """Returns the entries in a card: a `model_card.json`, or the card in a model's folder.

    Raises:
        ValueError: the file is not a card, or has no inputs.
        OSError: the file can't be read.
    """
    file = path / CARD_FILE if path.is_dir() else path
    try:
        return _card_inputs(json.loads(file.read_bytes()))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{file}: expected the card of a model with its inputs, found none.") from None


def _card_inputs(card: Mapping[str, Any]) -> CardInputs:
    return CardInputs(
        features={entry["input"]: entry["feature"] for entry in card["inputs"]},
        missing_values=tuple(card["data"]["missing_values"]),
    )
