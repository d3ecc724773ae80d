"""Maps features to the input names of a served model. Does not import TensorFlow, because `regpipe predict` uses it."""

import itertools
import keyword
import re
from collections.abc import Sequence


def input_names(features: Sequence[str]) -> list[str]:
    """Returns the input name of each feature in `serving_default`: its own name if TensorFlow and REST allow it.

    A character that is not an ASCII letter, a digit or `_` becomes `_`. A name that would not begin with a letter, or
    is a Python keyword, is prefixed with `f_`. A name that would end in `_bytes`, with which REST marks base64, gets a
    `_` at its end. A name that is already used gets a number.

    >>> input_names(["total day minutes", "class", "total_day_minutes"])
    ['total_day_minutes_2', 'f_class', 'total_day_minutes']

    Args:
        features: the names of the features, all different. The names returned do not depend on their order.

    Returns:
        As many names, all different, in the order of `features`.
    """
    given: dict[str, str] = {}
    taken: set[str] = set()  # In lower case: TensorFlow's input names are case-insensitive.
    # Features that keep their name come first, so that no changed name takes it.
    for feature in sorted(features):
        if _plain(feature) == feature and feature.lower() not in taken:
            given[feature] = feature
            taken.add(feature.lower())
    for feature in sorted(feature for feature in features if feature not in given):
        plain = _plain(feature)
        candidates = itertools.chain([plain], (f"{plain}_{number}" for number in itertools.count(2)))
        given[feature] = next(name for name in candidates if name.lower() not in taken)
        taken.add(given[feature].lower())
    return [given[feature] for feature in features]


def _plain(feature: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", feature)
    # TensorFlow uses the input names as the parameter names of a method.
    reserved = keyword.iskeyword(plain) or plain == "self"
    plain = plain if plain[:1].isalpha() and not reserved else f"f_{plain}"
    return f"{plain}_" if plain.endswith("_bytes") else plain
