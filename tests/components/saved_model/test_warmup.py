"""The content of the warm-up requests, and models that fail them."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.common.errors import BadModel
from components.common.file_names import WARMUP_FILE
from components.config.model import ModelConfig
from components.examples.reader import serialized_batches
from components.saved_model.card_file import write_card
from components.saved_model.export import export
from components.saved_model.warmup import replay, write_warmup
from components.training.network import build_model

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
AS_INPUT = "f___price___a_b___x___script_"  # of the table's third feature
NAN = float("nan")


@pytest.fixture(scope="module")
def examples(
    table: Columns, write_examples: WriteExamples, tmp_path_factory: pytest.TempPathFactory
) -> list[bytes]:
    """The rows of the table, ten times: 40 rows."""
    columns = {name: list(values) * 10 for name, values in table.items()}
    file = write_examples(tmp_path_factory.mktemp("examples") / "train.gz", columns)
    return [row for rows in serialized_batches([file], 100).as_numpy_iterator() for row in rows.tolist()]


@pytest.fixture(scope="module")
def features(table: Columns) -> list[str]:
    return sorted(set(table) - {"y"})


@pytest.fixture(scope="module")
def exported(transformed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported network with random weights."""
    path = tmp_path_factory.mktemp("exported") / "model"
    network = build_model(3, ModelConfig(hidden_units=(4,), l1=1e-4, l2=1e-3, dropout=0.2))
    export(network, transformed, "y", str(path))
    return path


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> str:
    """A copy of the exported network, to be changed."""
    return str(shutil.copytree(exported, tmp_path / "model"))


@pytest.fixture(scope="module")
def without_a_number(transformed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported network with weights that are NaN."""
    path = tmp_path_factory.mktemp("nan") / "model"
    network = build_model(3, ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3))
    network.set_weights([np.full((3, 1), NAN), np.zeros(1)])
    export(network, transformed, "y", str(path))
    return path


def requests(model: str) -> list[Any]:
    records = tf.data.TFRecordDataset(f"{model}/{WARMUP_FILE}").as_numpy_iterator()
    return [PredictionLog.FromString(record) for record in records]


def parsed(request: Any) -> list[Any]:
    rows = tf.make_ndarray(request.inputs["examples"]).tolist()
    return [tf.train.Example.FromString(row) for row in rows]


def write(model: str, logs: Sequence[Any]) -> None:
    tf.io.gfile.makedirs(f"{model}/assets.extra")
    with tf.io.TFRecordWriter(f"{model}/{WARMUP_FILE}") as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def test_real_rows_for_each_signature(
    model: str, examples: list[bytes], features: list[str], table: Columns
) -> None:
    """The first row and the first 32 rows of the training data: by name, as examples, and for classification."""
    write_warmup(model, examples, features)
    named, serialized, classified, *batches = requests(model)
    assert [named.predict_log.request.model_spec.signature_name] == ["serving_default"]
    inputs = named.predict_log.request.inputs
    assert {name: tf.make_ndarray(value).tolist() for name, value in inputs.items()} == {
        "a": [-1.0],
        "b": [2.0],
        AS_INPUT: [10.0],
    }
    assert serialized.predict_log.request.model_spec.signature_name == "serving_examples"
    assert parsed(serialized.predict_log.request) == [tf.train.Example.FromString(examples[0])]
    assert classified.classify_log.request.model_spec.signature_name == "classify"
    (example,) = classified.classify_log.request.input.example_list.examples
    assert example == tf.train.Example.FromString(examples[0])
    by_name, by_example, by_class = batches
    expected = np.array([*table["b"]] * 8, np.float32)
    np.testing.assert_array_equal(tf.make_ndarray(by_name.predict_log.request.inputs["b"]), expected)
    assert parsed(by_example.predict_log.request) == [
        tf.train.Example.FromString(row) for row in examples[:32]
    ]
    assert len(by_class.classify_log.request.input.example_list.examples) == 32


@pytest.mark.parametrize(("rows", "expected"), [(1, [1]), (3, [1, 3]), (40, [1, 32])])
def test_fewer_rows_than_a_batch(
    model: str, examples: list[bytes], features: list[str], rows: int, expected: list[int]
) -> None:
    """With few rows, each is used once, and the model computes all requests."""
    write_warmup(model, examples[:rows], features)
    inputs = [log.predict_log.request.inputs for log in requests(model)]
    assert [len(tf.make_ndarray(named["a"])) for named in inputs if "a" in named] == expected
    assert replay(model) == 3 * len(expected)


def test_the_same_rows_give_the_same_file(tmp_path: Path) -> None:
    """The file is the same byte for byte, even if the features of a row have another order."""
    a, b = (
        tf.train.Example(
            features=tf.train.Features(
                feature={name: tf.train.Feature(float_list=tf.train.FloatList(value=[1]))}
            )
        ).SerializeToString()
        for name in "ab"
    )
    write_warmup(str(tmp_path / "one"), [a + b], ["a", "b"])
    write_warmup(str(tmp_path / "two"), [b + a], ["a", "b"])
    assert (tmp_path / "one" / WARMUP_FILE).read_bytes() == (tmp_path / "two" / WARMUP_FILE).read_bytes()


def test_a_model_without_requests_runs_one_row(model: str, without_a_number: Path) -> None:
    """As in TF Serving, warm-up requests are optional, but each signature is run."""
    assert replay(model) == 0
    with pytest.raises(BadModel, match=r"classify: expected 'scores' to be between 0 and 1, got nan\.$"):
        replay(str(without_a_number))


def test_a_signature_that_answers_otherwise(
    model: str, examples: list[bytes], features: list[str], tmp_path: Path
) -> None:
    """The Evaluator scores serving_examples only: another signature that gives a row another probability is an error.

    Here classify gives 1 minus the probability, which is one as well.
    """
    loaded = tf.saved_model.load(model)
    classify = loaded.signatures["classify"]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
    def reversed_scores(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = classify(inputs)
        return {"classes": answers["classes"], "scores": answers["scores"][:, ::-1]}

    path = str(tmp_path / "reversed")
    signatures = {**loaded.signatures, "classify": reversed_scores}
    tf.saved_model.save(loaded, path, signatures)
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(path)
    updater.replace_method_name("classify", tf.saved_model.CLASSIFY_METHOD_NAME)
    updater.save()
    for folder in (model, path):
        write_warmup(folder, examples, features)
        write_card(folder, {"inputs": [{"feature": feature} for feature in features]})
    assert replay(model) == 6
    with pytest.raises(
        BadModel, match=r"classify: expected the probability that serving_examples gives for row \d+, "
    ):
        replay(path)


def test_features_named_like_inputs_and_outputs_of_signatures(
    analyze: Callable[[Columns], Any], write_examples: WriteExamples, tmp_path: Path
) -> None:
    """`examples` is the name of the input of serving_examples, `inputs` that of classify: both may be features."""
    names = ["class", "examples", "inputs", "probability", "scores"]
    columns = {name: [1.0 * shift, 2.0, 3.0] for shift, name in enumerate(names)} | {"y": [0, 1, 0]}
    path = str(tmp_path / "model")
    export(
        build_model(len(names), ModelConfig(hidden_units=(4,), l1=0.0, l2=0.0, dropout=0.0)),
        analyze(columns),
        "y",
        path,
    )
    file = write_examples(tmp_path / "train.gz", columns)
    rows = [row for batch in serialized_batches([file], 9).as_numpy_iterator() for row in batch.tolist()]
    write_warmup(path, rows, names)
    write_card(path, {"inputs": [{"feature": name} for name in names]})
    assert replay(path) == 6


@pytest.mark.parametrize(
    ("log", "complaint"),
    [
        (
            'predict_log { request { model_spec { signature_name: "serve" } } }',
            "expected a signature 'serve' of tensorflow/serving/predict, found none.",
        ),
        (
            'classify_log { request { model_spec { signature_name: "serving_examples" } } }',
            "expected a signature 'serving_examples' of tensorflow/serving/classify, found none.",
        ),
        (
            'classify_log { request { model_spec { signature_name: "classify" } } }',
            "classify: expected at least one row, got none.",
        ),
        (
            'predict_log { request { model_spec { signature_name: "serving_examples" } inputs { key: "rows" value '
            "{ dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 0 } } } }",
            "serving_examples: expected the inputs {'examples': 'string'}, got {'rows': 'float32'}.",
        ),
        (
            "session_run_log { }",
            "expected one of predict_log, classify_log, regress_log, got session_run_log.",
        ),
        ("", "expected one of predict_log, classify_log, regress_log, got None."),
    ],
)
def test_a_request_that_a_server_would_refuse(
    model: str, examples: list[bytes], features: list[str], log: str, complaint: str
) -> None:
    """The message has the number of the request, what was expected and what was found."""
    write_warmup(model, examples, features)
    write(model, [*requests(model), text_format.Parse(log, PredictionLog())])
    with pytest.raises(BadModel) as refusal:
        replay(model)
    assert str(refusal.value) == f"{model}/{WARMUP_FILE}: request 7 of 7: {complaint}"


def test_what_tensorflow_refuses(model: str) -> None:
    """An invalid example fails with TensorFlow's own message."""
    request = PredictionLog()
    request.predict_log.request.model_spec.signature_name = "serving_examples"
    request.predict_log.request.inputs["examples"].CopyFrom(tf.make_tensor_proto([b"no example"]))
    write(model, [request])
    with pytest.raises(BadModel, match=r"request 1 of 1: .*Could not parse example input"):
        replay(model)


def test_an_answer_that_is_no_probability(
    without_a_number: Path, examples: list[bytes], features: list[str], tmp_path: Path
) -> None:
    """A network with a weight that is NaN returns NaN."""
    model = str(shutil.copytree(without_a_number, tmp_path / "model"))
    write_warmup(model, examples, features)
    with pytest.raises(BadModel) as refusal:
        replay(model)
    complaint = "request 1 of 6: serving_default: expected 'probability' to be between 0 and 1, got nan."
    assert str(refusal.value) == f"{model}/{WARMUP_FILE}: {complaint}"


def test_too_many_requests(model: str, examples: list[bytes], features: list[str]) -> None:
    """TF Serving does not load a model with more than 1,000 requests."""
    write_warmup(model, examples, features)
    write(model, requests(model)[:1] * 1001)
    with pytest.raises(BadModel, match=r"requests: expected at most 1,000 requests, got more\.$"):
        replay(model)


@pytest.mark.parametrize("content", [b"no records, but a text", b""])
def test_a_file_of_something_else(model: str, content: bytes) -> None:
    """A file that is not a TFRecord file is an error; an empty file has no requests."""
    Path(model, "assets.extra").mkdir()
    Path(model, WARMUP_FILE).write_bytes(content)
    if content:
        with pytest.raises(
            BadModel, match=r"expected a TFRecord file of PredictionLogs\. It can't be read: "
        ):
            replay(model)
    else:
        assert replay(model) == 0


@pytest.mark.parametrize("broken", ["saved_model.pb", "variables/variables.index", "variables"])
def test_a_model_that_does_not_load(model: str, broken: str) -> None:
    """A file is truncated or a folder is missing; the message has the path."""
    path = Path(model, broken)
    if path.is_dir():
        for file in path.iterdir():
            file.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadModel, match=r"^.*/model: expected a SavedModel that loads\. TensorFlow's error: "):
        replay(model)
