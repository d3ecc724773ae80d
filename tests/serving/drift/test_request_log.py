"""The rows in a log of TF Serving's request logger: all forms of a request, other models, compression and damage."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_log_pb2, regression_pb2

from components.common.errors import DataRefused
from pipeline_def.cli.main import main
from serving.drift.request_log import RequestLogSource
from tests.pipeline_def.cli.test_drift_command import FEATURES, ROWS, draw, publish

NAN = float("nan")
# Of each input: an input's name differs from its feature's, if TensorFlow does not allow that.
INPUTS = {"a": "a", "b_c": "b c"}


def predicted(model: str = "m", **inputs: Any) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def example(**features: float) -> Any:
    found = tf.train.Example()
    for name, value in features.items():
        found.features.feature[name.replace("_", " ")].float_list.value.append(value)
    return found


def classified(examples: Sequence[Any], context: Any = None) -> Any:
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "m"
    given = request.input.example_list if context is None else request.input.example_list_with_context
    given.examples.extend(examples)
    if context is not None:
        request.input.example_list_with_context.context.CopyFrom(context)
    return prediction_log_pb2.PredictionLog(classify_log=prediction_log_pb2.ClassifyLog(request=request))


def regressed(examples: Sequence[Any]) -> Any:
    request = regression_pb2.RegressionRequest()
    request.input.example_list.examples.extend(examples)
    return prediction_log_pb2.PredictionLog(regress_log=prediction_log_pb2.RegressLog(request=request))


def write(path: Path, logs: Sequence[Any], compression: str = "") -> str:
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    return str(path)


def float32(*values: float) -> Any:
    return np.array(values, np.float32)


LOGS = (
    predicted(a=float32(1, NAN), b_c=float32(2, np.inf)),
    predicted("other", a=float32(8), b_c=float32(8)),
    predicted(examples=[example(a=3, b_c=4).SerializeToString(), example(b_c=5).SerializeToString()]),
    prediction_log_pb2.PredictionLog(regress_log=prediction_log_pb2.RegressLog()),
    classified([example(a=6), example()]),
    predicted(a=float32(9)),  # no request for this model's signature
    classified([example(a=7)], context=example(b_c=8)),
    predicted(a=float32(), b_c=float32()),  # no rows
    regressed([example(a=10, b_c=11)]),
)
LARGEST = np.finfo(np.float32).max
EXPECTED = [[1, NAN, 3, NAN, 6, NAN, 7, 10], [2, LARGEST, 4, 5, NAN, NAN, 8, 11]]


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_rows_of_all_forms(compression: str, tmp_path: Path) -> None:
    """In the order of the records. A value that a request does not have is NaN, infinity the largest number."""
    source = RequestLogSource(write(tmp_path / "log", LOGS, compression), "m", INPUTS)
    (batch,) = source.batches()
    values = [batch.column(name).to_numpy() for name in ("a", "b c")]
    np.testing.assert_array_equal(values, EXPECTED)
    assert [batch.where(row).rpartition(" ")[2] for row in range(8)] == [
        "1",
        "1",
        "3",
        "3",
        "5",
        "5",
        "7",
        "9",
    ]
    assert (source.other_models, source.other_requests) == (1, 2)


def test_many_requests_are_read_in_batches(tmp_path: Path) -> None:
    logs = [
        predicted(a=np.full(1_000, number, np.float32), b_c=np.zeros(1_000, np.float32))
        for number in range(150)
    ]
    batches = list(RequestLogSource(write(tmp_path / "log", logs), "m", INPUTS).batches())
    assert [batch.rows for batch in batches] == [66_000, 66_000, 18_000]
    means = [batch.column("a").to_numpy().mean() for batch in batches]
    np.testing.assert_allclose(means, [32.5, 98.5, 140.5])


def test_damaged_files(tmp_path: Path) -> None:
    """The message has the file and the last good record."""
    path = Path(write(tmp_path / "log", LOGS))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])  # as of a server that still writes
    with pytest.raises(DataRefused, match=r"log: expected TFRecords .* unfinished file after record 8: [^{]"):
        list(RequestLogSource(str(path), "m", INPUTS).batches())
    path.write_text("a,b c\n1,2\n" * 10)
    with pytest.raises(DataRefused, match=r"log: expected TFRecords .* at its beginning: corrupted record"):
        list(RequestLogSource(str(path), "m", INPUTS).batches())
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(DataRefused, match="log: record 1: expected a PredictionLog"):
        list(RequestLogSource(str(path), "m", INPUTS).batches())
    with pytest.raises(DataRefused, match="nowhere: can't be read: no such file"):
        RequestLogSource(str(tmp_path / "nowhere"), "m", INPUTS)


def test_the_command_reads_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shift of the requests is named, and what was skipped is counted."""
    model = publish(tmp_path / "serving")
    names = [name.replace(" ", "_") for name in FEATURES]

    def logs(shift: float) -> list[Any]:
        now = draw(ROWS, 1, shift)
        columns = dict(zip(names, (now[name].astype(np.float32) for name in FEATURES), strict=True))
        parts: list[dict[str, Any]] = [
            {name: column[row : row + 100] for name, column in columns.items()} for row in range(0, ROWS, 100)
        ]
        return [*(predicted(**part) for part in parts), predicted("other", x=float32(1))]

    for number, shift in enumerate((0.0, 0.5)):
        log = write(tmp_path / f"log-{number}.tfrecord", logs(shift))
        arguments = ["drift", log, "--request-log", "--model-name", "m", "--model", str(model)]
        code = main([*arguments, "--json"])
        found = json.loads(capsys.readouterr().out)
        assert [finding["feature"] for finding in found["comparisons"][0]["findings"]] == ["b c"] * number
        assert (code, found["comparisons"][0]["rows_now"]) == (3 * number, ROWS)
        assert found["notes"] == ["Skipped: 1 record of other models."]
    assert main([*arguments[:4], "elsewhere", *arguments[5:]]) == 3
    expected = "expected requests to the model 'elsewhere', found none. Skipped: 31 records of other models."
    assert expected in capsys.readouterr().err
