"""The names in a SavedModel do not depend on what else the process has traced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2

from components.common.model_files import model_digest
from components.config.model import ModelConfig
from components.saved_model.export import export
from components.saved_model.stable_names import stabilize_names
from components.training.network import build_model

# A node calls `g`. `g` calls the second of two functions `f`, and so does the first `f`, in a list. The first has an
# input `x_7` and captures two tensors and a variable; one of its nodes has the name that the second tensor would get.
GRAPH = """
graph_def {
  node { name: "call" op: "PartitionedCall" attr { key: "f" value { func { name: "__inference_g_900" } } } }
  library {
    function {
      signature { name: "__inference_g_900" input_arg { name: "x_7" } output_arg { name: "y" } }
      arg_attr { key: 0 value { attr { key: "_user_specified_name" value { s: "x_7" } } } }
      node_def { name: "n" op: "__inference_f_101" input: "x_7" }
      ret { key: "y" value: "n:y:0" }
    }
    function {
      signature {
        name: "__inference_f_99"
        input_arg { name: "x_7" } input_arg { name: "layer_85" } input_arg { name: "layer_9" }
        input_arg { name: "resource" }
        output_arg { name: "y" } output_arg { name: "z" }
      }
      arg_attr { key: 0 value { attr { key: "_user_specified_name" value { s: "x_7" } } } }
      arg_attr { key: 3 value { attr { key: "_user_specified_name" value { s: "98" } } } }
      node_def { name: "layer_1" op: "Add" input: "layer_85" input: "layer_9" }
      node_def {
        name: "case" op: "Case" input: "x_7"
        attr { key: "branches" value { list { func { name: "__inference_f_101" } } } }
      }
      ret { key: "y" value: "layer_85" }
      ret { key: "z" value: "case:output:0" }
    }
    function { signature { name: "__inference_f_101" } }
    function { signature { name: "unnumbered" } }
  }
}
object_graph_def {
  nodes { bare_concrete_function { concrete_function_name: "__inference_g_900" } }
  nodes { function { concrete_functions: "__inference_f_101" concrete_functions: "__inference_f_99" } }
  concrete_functions { key: "__inference_f_101" value { bound_inputs: 1 } }
  concrete_functions { key: "__inference_f_99" value { bound_inputs: 2 } }
}
meta_info_def { function_aliases { key: "__inference_f_99" value: "mine" } }
"""
STABLE = """
graph_def {
  node { name: "call" op: "PartitionedCall" attr { key: "f" value { func { name: "__inference_g_0" } } } }
  library {
    function {
      signature {
        name: "__inference_f_0"
        input_arg { name: "x_7" } input_arg { name: "layer_2" } input_arg { name: "layer_0" }
        input_arg { name: "resource" }
        output_arg { name: "y" } output_arg { name: "z" }
      }
      arg_attr { key: 0 value { attr { key: "_user_specified_name" value { s: "x_7" } } } }
      arg_attr { key: 3 value { attr { key: "_user_specified_name" value { s: "3" } } } }
      node_def { name: "layer_1" op: "Add" input: "layer_2" input: "layer_0" }
      node_def {
        name: "case" op: "Case" input: "x_7"
        attr { key: "branches" value { list { func { name: "__inference_f_1" } } } }
      }
      ret { key: "y" value: "layer_2" }
      ret { key: "z" value: "case:output:0" }
    }
    function { signature { name: "__inference_f_1" } }
    function {
      signature { name: "__inference_g_0" input_arg { name: "x_7" } output_arg { name: "y" } }
      arg_attr { key: 0 value { attr { key: "_user_specified_name" value { s: "x_7" } } } }
      node_def { name: "n" op: "__inference_f_1" input: "x_7" }
      ret { key: "y" value: "n:y:0" }
    }
    function { signature { name: "unnumbered" } }
  }
}
object_graph_def {
  nodes { bare_concrete_function { concrete_function_name: "__inference_g_0" } }
  nodes { function { concrete_functions: "__inference_f_1" concrete_functions: "__inference_f_0" } }
  concrete_functions { key: "__inference_f_1" value { bound_inputs: 1 } }
  concrete_functions { key: "__inference_f_0" value { bound_inputs: 2 } }
}
meta_info_def { function_aliases { key: "__inference_f_0" value: "mine" } }
"""
Export = Callable[[str, float], Path]


@pytest.fixture
def export_model(transformed: Any, tmp_path: Path) -> Export:
    """Exports a new network, whose output layer has the given bias, with a new TFTransformOutput."""

    def run(name: str, bias: float) -> Path:
        model = build_model(3, ModelConfig(hidden_units=(4,), dropout=0.5, l1=1e-4, l2=1e-3))
        values = [0.5] * (len(model.weights) - 1) + [bias]
        model.set_weights(
            [np.full(one.shape, value) for one, value in zip(model.weights, values, strict=True)]
        )
        transform = tft.TFTransformOutput(str(Path(transformed.transform_savedmodel_dir).parent))
        export(model, transform, "y", str(tmp_path / name))
        return tmp_path / name

    return run


def test_the_names_of_functions_and_captured_tensors() -> None:
    """Every place that has a function's name gets the new one; given names, and names without a number, are kept."""
    meta_graph = text_format.Parse(GRAPH, meta_graph_pb2.MetaGraphDef())
    stabilize_names(meta_graph)
    assert meta_graph == text_format.Parse(STABLE, meta_graph_pb2.MetaGraphDef())


def test_new_names_that_are_old_names_of_others() -> None:
    """`f_1` becomes `f_0`, `f_2` becomes `f_1`, and `f_10` becomes `f_2`; each keeps its own entry."""
    meta_graph = meta_graph_pb2.MetaGraphDef()
    for number in (2, 1, 10):
        meta_graph.graph_def.library.function.add().signature.name = f"f_{number}"
        meta_graph.object_graph_def.concrete_functions[f"f_{number}"].bound_inputs.append(number)
    stabilize_names(meta_graph)
    functions = meta_graph.object_graph_def.concrete_functions
    found = {name: list(function.bound_inputs) for name, function in functions.items()}
    assert found == {"f_0": [1], "f_1": [2], "f_2": [10]}


def test_what_was_traced_before_an_export_does_not_change_its_bytes(export_model: Export) -> None:
    """Further functions, networks and layers between two exports of the same weights change no file of the model."""
    first = export_model("first", 0.25)
    for _ in range(3):
        tf.function(lambda x: x + 1)(tf.constant(1.0))
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])(tf.zeros((1, 2)))
    second = export_model("second", 0.25)
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == [Path("saved_model.pb")] + [
        Path("variables", name) for name in ("variables.data-00000-of-00001", "variables.index")
    ]
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert model_digest(str(first)) == model_digest(str(second))
    assert model_digest(str(first)) != model_digest(str(export_model("other", 0.5)))
