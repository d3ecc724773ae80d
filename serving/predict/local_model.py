"""Predicts with a SavedModel in this process, loaded by TensorFlow without code of this project."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from serving.client.exceptions import ModelNotFound, RequestRejected
from serving.client.predictor import CLASSIFY, PROBABILITIES, SIGNATURE, Columns, Probabilities, count_rows


class LocalModel:
    """Implements serving.client.predictor.Predictor for a SavedModel.

    Args:
        folder: the folder of the SavedModel.

    Raises:
        ModelNotFound: the model has no signature `serving_default`.
        RequestRejected: TensorFlow can't load the model.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        try:
            self._model = tf.saved_model.load(folder)
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise RequestRejected(f"{folder}: TensorFlow can't load the model: {error}") from error
        if SIGNATURE not in self._model.signatures:
            found = ", ".join(sorted(self._model.signatures)) or "none"
            raise ModelNotFound(f"{folder}: expected the signature {SIGNATURE}, found {found}.")
        self._signature: Callable[..., Any] = self._model.signatures[SIGNATURE]
        _, inputs = self._model.signatures[SIGNATURE].structured_input_signature
        self._inputs = sorted(inputs)
        self._texts = frozenset(name for name, spec in inputs.items() if spec.dtype == tf.string)

    def input_names(self) -> list[str]:
        """See Predictor."""
        return list(self._inputs)

    def text_inputs(self) -> frozenset[str]:
        """See Predictor."""
        return self._texts

    def classes(self) -> tuple[str, ...]:
        """See Predictor. The names are those of one row without values, because only the signature has them."""
        if PROBABILITIES not in self._model.signatures[SIGNATURE].structured_outputs:
            return ()
        row = tf.train.Example().SerializeToString()
        found = self._model.signatures[CLASSIFY](inputs=tf.constant([row]))
        return tuple(name.decode() for name in found[tf.saved_model.CLASSIFY_OUTPUT_CLASSES].numpy()[0])

    def predict(self, columns: Columns) -> Probabilities:
        """See Predictor."""
        count_rows(columns)
        if set(columns) != set(self._inputs):
            other = ", ".join(sorted(set(columns) ^ set(self._inputs)))
            raise RequestRejected(
                f"{self._folder}: expected a column for each input and no other, got a difference in {other}."
            )
        try:
            outputs = self._signature(**{name: tf.constant(column) for name, column in columns.items()})
            if PROBABILITIES in outputs:
                return np.asarray(outputs[PROBABILITIES], np.float32)
            (predictions,) = outputs.values()
            return np.asarray(predictions, np.float32)
        except (ValueError, tf.errors.OpError) as error:
            raise RequestRejected(f"{self._folder}: expected one output of the model: {error}") from error

    def close(self) -> None:
        """See Predictor."""
        del self._signature, self._model
