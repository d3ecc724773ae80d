"""Creates the model card: what an exported model predicts, its inputs and outputs, and how it was trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.common.formatting import plural
from components.common.ingest_record import IngestRecord
from components.common.library_versions import library_versions
from components.common.scaling_record import ScalingRecord
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model import card_file
from components.saved_model.input_names import input_names
from components.saved_model.serving_api import APIS
from components.tasks.known_tasks import task_of
from components.tasks.task import Task

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a model was trained from.

    Attributes:
        name: the name of the pipeline.
        ingest: the ingest record of the table.
        model: the settings of the network.
        training: the settings of the training.
        code_digest: the digest of the training code.
    """

    name: str
    ingest: IngestRecord
    model: ModelConfig
    training: TrainingConfig
    code_digest: str


def write_card(path: str, origin: Origin, scaling: ScalingRecord) -> None:
    """Adds the card to an exported model. The card contains no time, so the same training gives the same card.

    Args:
        path: the folder of the SavedModel.
        origin: what the model was trained from.
        scaling: how the features are scaled.
    """
    card_file.write_card(path, model_card(origin, scaling))


def model_card(origin: Origin, scaling: ScalingRecord) -> dict[str, Any]:
    """Returns the card's content, ready for JSON."""
    ingest = origin.ingest
    inputs = {
        name: {"dtype": "float32", "missing": "NaN"} | described.model_dump()
        for name, described in scaling.features.items()
    } | {
        name: {"dtype": "string", "missing": ""} | described.model_dump()
        for name, described in scaling.categories.items()
    }
    names = sorted(inputs)
    label, positive = ingest.label, ingest.positive_label
    task = task_of(ingest.task)
    return {
        "schema_version": SCHEMA_VERSION,
        "name": origin.name,
        "task": task.name,
        "what": f"{task.predicts.format(label=label, positive=positive)}, from "
        f"{_features(scaling)}: {_network(origin.model.hidden_units, task)}.",
        "label": {
            "name": label,
            "negative": ingest.negative_label,
            "positive": positive,
            "classes": list(ingest.classes),
        },
        "inputs": [
            {"feature": name, "input": given} | inputs[name]
            for name, given in zip(names, input_names(names), strict=True)
        ],
        "output": {
            "name": task.output.name,
            "dtype": "float32",
            "range": task.output.range and list(task.output.range),
        },
        "signatures": {
            "serving_default": "each input by name, a vector of the batch",
            "serving_examples": "examples: serialized tf.Examples, with the features under their own names",
            task.signature: APIS[task.signature].about,
        },
        "data": {
            "digest": ingest.digest,
            "rows": ingest.rows.model_dump(exclude={"rejected"}),
            "missing_values": list(ingest.missing_values),
            "decimal": ingest.decimal,
            "thousands": ingest.thousands,
            "booleans": list(ingest.booleans),
            "weight": ingest.weight,
            "split": ingest.split.model_dump() if ingest.split else None,
        },
        "code_digest": origin.code_digest,
        "settings": {
            "model": origin.model.model_dump(mode="json"),
            "training": origin.training.model_dump(mode="json"),
        },
        "seed": origin.training.seed,
        "libraries": dict(library_versions()),
    }


def _features(scaling: ScalingRecord) -> str:
    kinds = (("numeric", scaling.features), ("categorical", scaling.categories))
    return " and ".join(plural(len(names), f"{kind} feature") for kind, names in kinds if names)


def _network(units: Sequence[int], task: Task) -> str:
    if not units:
        return task.linear_model
    return f"a network with {' and '.join(map(str, units))} hidden units"
