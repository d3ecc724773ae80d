"""Reads and writes the model card: a JSON object inside the SavedModel that describes the model.

The Trainer writes what is known after training (see `model_card`). Publication adds `version`, `published` (ISO 8601),
`digest`, `run` and `evaluation`, and `override` or `rollback` if a person published the model.
"""

import json
from collections.abc import Mapping
from typing import Any

from components.common import storage
from components.common.file_names import CARD_FILE

Card = dict[str, Any]


def read_card(folder: str) -> Card:
    """Returns the card of the model in a folder; {} if it has none or the file is not a JSON object."""
    if not storage.exists(f"{folder}/{CARD_FILE}"):
        return {}
    try:
        card = json.loads(storage.read(f"{folder}/{CARD_FILE}"))
    except ValueError:
        return {}
    return card if isinstance(card, dict) else {}


def write_card(folder: str, card: Mapping[str, Any]) -> None:
    """Writes the card of the model in a folder."""
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    storage.write(f"{folder}/{CARD_FILE}", text.encode(), durable=True)


def decision_threshold(card: Mapping[str, Any]) -> float | None:
    """Returns the threshold of the operating point in a card; None if it has none."""
    evaluation = card.get("evaluation") or {}
    point = evaluation.get("operating_point") or {}
    threshold = point.get("threshold")
    return None if threshold is None else float(threshold)
