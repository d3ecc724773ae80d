"""Loads a SavedModel with only TensorFlow installed and prints the results of its signatures.

Standard input: {"model": path, "named": {input: values}, "examples": [base64]}. The last line of the output is JSON.
"""

import base64
import importlib.metadata
import json
import re
import sys
import sysconfig
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from types import ModuleType


class OnlyTensorFlow(PathFinder):
    """Finds only TensorFlow, its dependencies and Python's standard library."""

    there = frozenset[str]()

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See PathFinder, which searches the folders of `sys.path`."""
        return super().find_spec(fullname, path, target) if fullname.partition(".")[0] in cls.there else None


def normal(distribution: str) -> str:
    """Returns the same name for typing-extensions and typing_extensions."""
    return distribution.lower().replace("_", "-")


def closure(distribution: str) -> set[str]:
    """Returns a distribution and all its dependencies."""
    found: set[str] = set()
    waiting = [distribution]
    while waiting:
        name = normal(waiting.pop())
        if name in found:
            continue
        found.add(name)
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another platform
            continue
        waiting += [re.split(r"[^A-Za-z0-9._-]", text)[0] for text in requirements if "extra ==" not in text]
    return found


def main() -> None:
    """Returns the results of all signatures, the inputs of the default one, and the error of importing this project."""
    required = closure("tensorflow")
    OnlyTensorFlow.there = sys.stdlib_module_names | {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if required.intersection(map(normal, distributions))
    }
    sysconfig.get_config_vars()  # Python's own, too, but from a module whose name depends on the platform
    sys.meta_path = [BuiltinImporter, FrozenImporter, OnlyTensorFlow]
    import tensorflow as tf

    request = json.load(sys.stdin)
    signatures = tf.saved_model.load(request["model"]).signatures
    by_name = signatures["serving_default"]
    _, inputs = by_name.structured_input_signature
    named = {name: tf.constant(values, tf.float32) for name, values in request["named"].items()}
    examples = tf.constant([base64.b64decode(example) for example in request["examples"]])
    (default,) = by_name(**named).values()
    parsed = signatures["serving_examples"](examples=examples)["probability"]
    classified = signatures["classify"](inputs=examples)
    answer = {
        "signatures": sorted(signatures),
        "inputs": {name: [spec.dtype.name, spec.shape.as_list()] for name, spec in inputs.items()},
        "outputs": list(by_name.structured_outputs),
        "named": default.numpy().tolist(),
        "examples": parsed.numpy().tolist(),
        "classes": [[name.decode() for name in row] for row in classified["classes"].numpy().tolist()],
        "scores": classified["scores"].numpy().tolist(),
        "refused": [name for name in request["absent"] if not importable(name)],
    }
    print(json.dumps(answer))


def importable(module: str) -> bool:
    """Returns whether the module can be imported."""
    try:
        __import__(module)
    except ModuleNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
