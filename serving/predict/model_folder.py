"""Where a model lies, and what its card says of the tables it takes. No TensorFlow: a wrong path is told at once."""

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
    """What the card of a model tells of the tables that it takes.

    Attributes:
        features: of each input of the model its feature; empty where there is no card.
        missing_values: the cells that meant a missing value in training; None where there is no card.
    """

    features: Mapping[str, str] = field(default_factory=dict)
    missing_values: tuple[str, ...] | None = None


def find_model(path: str) -> str:
    """The folder of a SavedModel: the path itself or, of the versions published in it, the one to serve.

    Raises:
        NotFound: there is none.
    """
    there = storage.list_folder(path)
    if _SAVED_MODEL in there:
        return path
    place = version_store(Destination(directory=path, keep_versions=1, model_name=""))
    current = place.current()
    if current is None:
        found = "neither" if there else "nothing"
        raise ModelNotFound(
            f"{path}: expected a SavedModel, or a folder with published versions, found {found}."
        )
    folder = place.path(current)
    if _SAVED_MODEL not in storage.list_folder(folder):
        raise ModelNotFound(f"{folder}: expected a SavedModel, found no {_SAVED_MODEL}.")
    return folder


def read_card_inputs(folder: str) -> CardInputs:
    """What the card of the model in a folder tells; nothing where it has no such card."""
    try:
        return _card_inputs(read_card(folder))
    except (KeyError, TypeError):
        return CardInputs()


def load_card_inputs(path: Path) -> CardInputs:
    """What a card tells: a `model_card.json`, or that in the model's folder.

    Raises:
        ValueError: it is no card, or has no inputs.
        OSError: it can't be read.
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
