"""Reads and writes the model card: a JSON object inside the SavedModel that describes the model.

The Trainer writes what is known after training (see `model_card`). Publication adds `version`, `published` (ISO 8601),
`digest`, `run` and `evaluation`, and `override` or `rollback` if a person published the model. Both write
`card_digest`, by which damage to the card is detected.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from components.common import storage
from components.common.errors import reason
from components.common.file_names import CARD_FILE

Card = dict[str, Any]
_DIGEST = "card_digest"


class DamagedCard(ValueError):
    """A model card is not a JSON object, or its content does not have the digest in it. The message has the path."""


def read_card(folder: str) -> Card:
    """Returns the card of the model in a folder; {} if it has none.

    Raises:
        DamagedCard: the file is damaged.
    """
    path = f"{folder}/{CARD_FILE}"
    if not storage.exists(path):
        return {}
    try:
        card = json.loads(storage.read(path))
    except ValueError as error:
        raise DamagedCard(
            f"{path}: expected a model card (a JSON object), found a damaged file: {reason(error)}."
        ) from None
    if not isinstance(card, dict):
        raise DamagedCard(f"{path}: expected a model card (a JSON object), found {type(card).__name__}.")
    if _DIGEST in card and card[_DIGEST] != _digest(card):
        raise DamagedCard(
            f"{path}: expected the content that was written, found another one: the file is damaged."
        )
    return card


def read_intact_card(folder: str) -> Card:
    """Returns the card of the model in a folder; {} if it has none, or if the file is damaged."""
    try:
        return read_card(folder)
    except DamagedCard:
        return {}


def write_card(folder: str, card: Mapping[str, Any]) -> None:
    """Writes the card of the model in a folder, with its digest."""
    content = {**card, _DIGEST: _digest(card)}
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    storage.write(f"{folder}/{CARD_FILE}", text.encode(), durable=True)


def decision_threshold(card: Mapping[str, Any]) -> float | None:
    """Returns the threshold of the operating point in a card; None if it has none."""
    evaluation = card.get("evaluation") or {}
    point = evaluation.get("operating_point") or {}
    threshold = point.get("threshold")
    return None if threshold is None else float(threshold)


def _digest(card: Mapping[str, Any]) -> str:
    """Returns the SHA-256 (hexadecimal) of all other entries."""
    others = {name: value for name, value in card.items() if name != _DIGEST}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()
