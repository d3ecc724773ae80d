"""The model's card: what an exported model is, takes and answers, and what it was made from; JSON inside of it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.common.file_names import CARD_FILE
from components.common.formatting import plural
from components.common.ingest_record import IngestRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model.input_names import input_names
from components.transform.preprocessing import HIGH, LOW, MEAN, feature_names

SCHEMA_VERSION = 1
# As they say themselves: a wheel may have another name, such as tensorflow-cpu.
_LIBRARIES = {"tensorflow": tf, "keras": keras, "tensorflow-transform": tft}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a model was made from.

    Attributes:
        name: of the pipeline.
        ingest: what ExampleGen found in the table.
        model: the network.
        training: how it was fitted.
        code_digest: of the code that trained it.
    """

    name: str
    ingest: IngestRecord
    model: ModelConfig
    training: TrainingConfig
    code_digest: str


def write_card(path: str, origin: Origin, transform: tft.TFTransformOutput) -> None:
    """Adds the card to an exported model. The same training gives the same card: there is no time in it.

    Args:
        path: the folder of the SavedModel.
        origin: what it was made from.
        transform: the output of the Transform step, which knows what the training split shows of each feature.
    """
    card = model_card(origin, ranges(transform, origin.ingest.label))
    tf.io.gfile.makedirs(f"{path}/assets.extra")
    with tf.io.gfile.GFile(f"{path}/{CARD_FILE}", "w") as file:
        file.write(json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def ranges(transform: tft.TFTransformOutput, label: str) -> dict[str, dict[str, float | None]]:
    """The `min`, `max` and `mean` of each feature in the training split; a column without values has none.

    They are read from the Transform graph, and so they are what the exported model scales and imputes with.
    """
    spec = transform.raw_feature_spec()
    features = feature_names(spec, label)
    missing = {name: tf.fill([1, *spec[name].shape], np.float32(np.nan)) for name in features}
    shown = transform.transform_features_layer()(missing)
    columns = zip(features, *(shown[name][0].numpy().tolist() for name in (LOW, HIGH, MEAN)), strict=True)
    return {
        name: {"min": low, "max": high, "mean": mean}
        if math.isfinite(low)
        else dict.fromkeys(("min", "max", "mean"))
        for name, low, high, mean in columns
    }


def model_card(origin: Origin, features: Mapping[str, Mapping[str, float | None]]) -> dict[str, Any]:
    """The card's content, ready for JSON; `features` as `ranges` gives them, in the order of the vector."""
    ingest = origin.ingest
    label, positive = ingest.label, ingest.positive_label
    return {
        "schema_version": SCHEMA_VERSION,
        "name": origin.name,
        "what": f"The probability that {label!r} is {positive!r}, from "
        f"{plural(len(features), 'numeric feature')}: {_network(origin.model.hidden_units)}.",
        "label": {"name": label, "negative": ingest.negative_label, "positive": positive},
        "inputs": [
            {"feature": feature, "input": given, "dtype": "float32", "missing": "NaN", **features[feature]}
            for feature, given in zip(features, input_names(list(features)), strict=True)
        ],
        "output": {"name": "probability", "dtype": "float32", "range": [0, 1]},
        "signatures": {
            "serving_default": "each input by name, a vector of the batch",
            "serving_examples": "examples: serialized tf.Examples, with the features under their own names",
            "classify": "TF Serving's classification API; tf.Examples, with the features under their own names",
        },
        "data": {
            "digest": ingest.digest,
            "rows": ingest.rows.model_dump(exclude={"rejected"}),
            "missing_values": list(ingest.missing_values),
        },
        "code_digest": origin.code_digest,
        "settings": {
            "model": origin.model.model_dump(mode="json"),
            "training": origin.training.model_dump(mode="json"),
        },
        "seed": origin.training.seed,
        "libraries": {name: library.__version__ for name, library in _LIBRARIES.items()},
    }


def _network(units: Sequence[int]) -> str:
    if not units:
        return "logistic regression"
    return f"a network with {' and '.join(map(str, units))} hidden units"
