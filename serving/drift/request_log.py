"""Reads the requests in a log of TF Serving's request logger: TFRecords of PredictionLog.

The format is in https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/prediction_log.proto.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.common import storage
from components.common.errors import DataRefused
from serving.predict.row_batches import FilePart, RowBatch

_OF_EXAMPLES = ("classify_log", "regress_log")  # the logs of TF Serving's APIs for tf.Examples
_EXAMPLES = "examples"  # the input of the signature serving_examples
_BATCH_VALUES = 2**17
# The first bytes of a file by its compression. A plain file begins with the length of a record, 8 bytes, of which the
# last are 0. The second byte of zlib depends on the level.
_GZIP, _ZLIB = b"\x1f\x8b", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
# The values of each input, [rows]: float32, or texts.
Columns = list[npt.NDArray[Any]]
_LARGEST = np.finfo(np.float32).max


def _reason(message: str) -> str:
    """Returns the first line of a message of TensorFlow, without the name of the operation in braces."""
    return re.sub(r"^\{\{.*\}\} ", "", message.splitlines()[0])


class RequestLogSource:
    """The rows of all requests to one model in a log; see `RowSource`.

    Named inputs, serialized tf.Examples and requests for classification and for regression are read. A feature that an
    example does not have is missing, and an infinite value is the largest float32, as the model clips both alike.

    Args:
        path: the file: plain, gzip or zlib.
        model: the name of the model on the server.
        features: the feature of each input of the model.
        texts: the inputs that take texts; all others take numbers.

    Attributes:
        other_models: the number of records of other models that were skipped so far.
        other_requests: the number of records that were skipped because they have no rows of this model's features:
            regression, sessions, other signatures.

    Raises:
        DataRefused: the file can't be read.
    """

    def __init__(
        self, path: str, model: str, features: Mapping[str, str], texts: frozenset[str] = frozenset()
    ) -> None:
        self.name = path
        self.columns = tuple(features.values())
        self.other_models = self.other_requests = 0
        self._model, self._features, self._texts = model, features, texts
        self._compression = _compression(path)

    def batches(self, part: FilePart | None = None) -> Iterator[RowBatch]:  # noqa: ARG002 - has only one part
        """See `RowSource`."""
        waiting: list[Columns] = []
        numbers: list[int] = []
        for record, values in self._requests():
            waiting.append(values)
            numbers += [record] * len(values[0])
            if len(numbers) * len(self.columns) >= _BATCH_VALUES:
                yield self._batch(waiting, numbers)
                waiting, numbers = [], []
        if waiting:
            yield self._batch(waiting, numbers)

    def parts(self) -> Iterator[FilePart]:
        """See `RowSource`."""
        return iter([FilePart(0, 0, 1)])

    def share(self) -> float | None:
        """See `RowSource`."""
        return None

    def _batch(self, values: list[Columns], numbers: list[int]) -> RowBatch:
        columns = [pa.array(np.concatenate(parts)) for parts in zip(*values, strict=True)]
        table = pa.Table.from_arrays(columns, list(self.columns))
        return RowBatch(table, f"{self.name}: record ", numbers)

    def _requests(self) -> Iterator[tuple[int, Columns]]:
        """Yields the number of each record of this model, from 1, and its rows."""
        number = 0
        try:
            for serialized in tf.data.TFRecordDataset(self.name, self._compression).as_numpy_iterator():
                number += 1
                values = self._rows(PredictionLog.FromString(serialized))
                if values is not None and len(values[0]):
                    yield number, values
        except DecodeError:
            raise DataRefused(
                f"{self.name}: record {number}: expected a PredictionLog of TF Serving, found another message."
            ) from None
        except tf.errors.OpError as error:
            after = f"after record {number:,}" if number else "at its beginning"
            raise DataRefused(
                f"{self.name}: expected TFRecords of PredictionLog, found a damaged or unfinished file {after}: "
                f"{_reason(error.message)}"
            ) from None

    def _rows(self, log: Any) -> Columns | None:
        """Returns the rows of one record; None if it is skipped."""
        kind = log.WhichOneof("log_type")
        if kind not in ("predict_log", *_OF_EXAMPLES):
            self.other_requests += 1
            return None
        request = getattr(log, kind).request
        # The requests of a warm-up file have no name.
        if request.model_spec.name not in ("", self._model):
            self.other_models += 1
            return None
        try:
            rows = self._of_examples(request) if kind in _OF_EXAMPLES else self._predicted(request)
        except (ValueError, TypeError, tf.errors.OpError):  # what the model itself would refuse
            rows = None
        if rows is None:
            self.other_requests += 1
        return rows

    def _predicted(self, request: Any) -> Columns | None:
        inputs = request.inputs
        if set(self._features) <= set(inputs):
            return self._columns({name: tf.make_ndarray(inputs[name]) for name in self._features})
        if set(inputs) == {_EXAMPLES}:
            return self._parsed(np.ravel(tf.make_ndarray(inputs[_EXAMPLES])).tolist())
        return None

    def _of_examples(self, request: Any) -> Columns | None:
        kind = request.input.WhichOneof("kind")
        if kind is None:
            return None
        given = getattr(request.input, kind)
        # The context belongs to each example (tensorflow_serving/apis/input.proto). Concatenated messages are merged.
        context = given.context.SerializeToString() if kind == "example_list_with_context" else b""
        return self._parsed([context + example.SerializeToString() for example in given.examples])

    def _parsed(self, examples: list[bytes]) -> Columns:
        number, text = tf.io.FixedLenFeature([], tf.float32, np.nan), tf.io.FixedLenFeature([], tf.string, "")
        spec = {feature: text if name in self._texts else number for name, feature in self._features.items()}
        parsed = tf.io.parse_example(examples, spec)
        return self._columns({name: parsed[feature].numpy() for name, feature in self._features.items()})

    def _columns(self, inputs: Mapping[str, npt.NDArray[Any]]) -> Columns:
        """Returns the values of all inputs.

        Raises:
            TypeError: an input has values of another kind.
            ValueError: the inputs have different numbers of rows.
        """
        columns: Columns = []
        for name, values in inputs.items():
            flat = np.ravel(values)
            if name not in self._texts:
                columns.append(np.clip(flat.astype(np.float32, casting="same_kind"), -_LARGEST, _LARGEST))
            elif flat.dtype == object:
                texts = [text.decode(errors="backslashreplace") for text in flat.tolist()]
                columns.append(np.array(texts, object))
            else:
                raise TypeError(f"{name}: expected texts, got {flat.dtype}")
        if len({len(column) for column in columns}) != 1:
            raise ValueError("expected as many values of each input")
        return columns


def _compression(path: str) -> str:
    """Returns TensorFlow's name of the compression, from the first bytes of a file."""
    try:
        with storage.open_bytes(path) as file:
            start = file.read(2)
    except OSError as error:
        raise DataRefused(f"{path}: can't be read: {(error.strerror or str(error)).lower()}.") from None
    return "GZIP" if start == _GZIP else "ZLIB" if start in _ZLIB else ""
