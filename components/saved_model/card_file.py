"""The model's card: a JSON object inside the SavedModel that says what it is and, once published, as which version.

The Trainer writes what is known of a model once it is trained. Publication adds `version`, `published` (ISO 8601),
`digest`, `run` and `evaluation`, and `override` or `rollback` where it was a person who published it.
"""

import json
from collections.abc import Mapping
from typing import Any

from components.common import storage
from components.common.file_names import CARD_FILE

Card = dict[str, Any]


def read_card(folder: str) -> Card:
    """The card of the model in a folder; empty where it has none, or one that is no JSON object."""
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
