"""Loads a SavedModel with nothing but TensorFlow and prints what it answers.

Standard input: {"model": path, "named": {feature: values}, "examples": [base64]}. The last line of the output is JSON.
"""

import base64
import json
import sys

# What a server has not: importing one of these raises ImportError.
ABSENT = ("components", "pipeline_def", "tensorflow_transform", "tfx", "tfx_bsl")


def main() -> None:
    """Both signatures' answers, their inputs, and the names of the outputs."""
    sys.modules.update(dict.fromkeys(ABSENT))  # type: ignore[arg-type]
    import tensorflow as tf

    request = json.load(sys.stdin)
    signatures = tf.saved_model.load(request["model"]).signatures
    by_name = signatures["serving_default"]
    _, inputs = by_name.structured_input_signature
    named = {name: tf.constant(values, tf.float32) for name, values in request["named"].items()}
    examples = tf.constant([base64.b64decode(example) for example in request["examples"]])
    (default,) = by_name(**named).values()
    parsed = signatures["serving_examples"](examples=examples)["probability"]
    answer = {
        "signatures": sorted(signatures),
        "inputs": {name: [spec.dtype.name, spec.shape.as_list()] for name, spec in inputs.items()},
        "outputs": list(by_name.structured_outputs),
        "named": default.numpy().tolist(),
        "examples": parsed.numpy().tolist(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
