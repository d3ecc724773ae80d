"""What each feature is called among the inputs of a served model. Without TensorFlow: the clients use it, too."""

import itertools
import keyword
import re
from collections.abc import Sequence


def input_names(features: Sequence[str]) -> list[str]:
    """The name of each feature among the inputs of `serving_default`: its own where TensorFlow and REST can carry it.

    What is not an ASCII letter, a digit or `_` becomes `_`; a name that would not begin with a letter, or that Python
    keeps for itself (`class`), gets `f_` before it; one that would end in `_bytes`, by which REST marks base64, gets
    a `_` behind it; and one that is taken already a number: `total day minutes` is `total_day_minutes`.

    Args:
        features: the features' own names, all different, in any order: who wins a name does not depend on it.

    Returns:
        As many names, all different, in the same order.

    >>> input_names(["age", "total day minutes", "2nd visit", "class"])
    ['age', 'total_day_minutes', 'f_2nd_visit', 'f_class']
    """
    given: dict[str, str] = {}
    taken: set[str] = set()  # in lower case: TensorFlow tells inputs apart without regard to case
    # What can keep its name comes first, so that no changed name takes it away.
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
    # TensorFlow makes the inputs parameters of a method.
    reserved = keyword.iskeyword(plain) or plain == "self"
    plain = plain if plain[:1].isalpha() and not reserved else f"f_{plain}"
    return f"{plain}_" if plain.endswith("_bytes") else plain
