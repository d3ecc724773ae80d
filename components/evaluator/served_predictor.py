"""Scores the served model beside the candidate. Its errors are kept, because a broken one must not block a good one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.common.served_record import ServedReference
from components.common.verdict_record import SERVED
from components.evaluator.metrics import undefined_rows
from components.evaluator.paired_scores import SplitScores
from components.evaluator.scored_models import ScoredModel
from components.tasks.task import Task


class ServedPredictor:
    """Implements `components.evaluator.scored_models.ScoringModel` for a model that may not work; then it predicts NaN.

    Args:
        folder: the folder of the SavedModel.
        task: what it predicts.
        classes: the names of the classes.

    Attributes:
        error: why it can't be loaded or run; None if it can.
    """

    def __init__(self, folder: str, task: Task, classes: Sequence[str] = ()) -> None:
        self._outputs = task.output.width(classes)
        self.error: str | None = None
        self._model: ScoredModel | None = None
        try:
            self._model = ScoredModel(tf.saved_model.load(folder), output=task.output.name)
        except Exception as error:  # TensorFlow raises errors of many classes for a damaged model.
            self.error = f"it can't be loaded: {_first_line(error)}"

    def predict(self, examples: tf.Tensor) -> npt.NDArray[np.float32]:
        """Returns the predictions of serialized tf.Examples, float32 [rows, outputs]; NaN after an error."""
        rows = len(examples)
        if self._model is not None and self.error is None:
            try:
                found = np.asarray(self._model.predict(examples), np.float32)
                if found.size == rows * self._outputs:
                    return found
                self.error = f"it can't be run: it gave {found.size:,} predictions for {rows:,} rows"
            except Exception as error:
                self.error = f"it can't be run: {_first_line(error)}"
        return np.full((rows, self._outputs), np.nan, np.float32)


def add_served(
    test: SplitScores, served: ServedPredictor, reference: ServedReference
) -> tuple[SplitScores, ServedReference]:
    """Adds the served model to the models of each training seed, or removes it if it can't be compared.

    Args:
        test: the test split; the served model is among the models of the first seed.
        served: the model that scored it.
        reference: the served model as its card describes it.

    Returns:
        The scored split, and the reference: its outcome is `unloadable` or `undefined` if the model was removed.
    """
    first: dict[str, Any] = dict(test.scores.predictions)
    predictions = first.pop(SERVED)
    scores = test.scores._replace(predictions=first)
    undefined = undefined_rows(predictions)
    if served.error is not None:
        return test._replace(scores=scores), _not_compared(reference, "unloadable", [served.error])
    if undefined:
        problem = f"it predicts NaN for {undefined:,} of {len(predictions):,} test rows"
        return test._replace(scores=scores), _not_compared(reference, "undefined", [problem])
    return test._replace(scores=scores.with_model(SERVED, predictions)), reference


def _not_compared(reference: ServedReference, outcome: str, problems: Sequence[str]) -> ServedReference:
    return reference.model_copy(update={"outcome": outcome, "problems": tuple(problems)})


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
