"""Loads the models that the Evaluator compares: the exported ones, and the other weights stored beside them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf
from tfx.utils import path_utils

from components.common.file_names import SIGNATURE
from components.common.verdict_record import BASELINE, CANDIDATE, EARLY_STOPPED
from components.common.weight_sets import Weights, read_weight_sets
from components.tasks.binary import BINARY
from components.tasks.task import Task

_BY_NAME = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class ScoredModel(NamedTuple):
    """An exported model with certain weights.

    Attributes:
        module: the loaded SavedModel; several models may share one.
        weights: the weights of its network; None: the exported ones, if no other model shares the module.
        output: the name of the output of its signatures.
    """

    module: tf.Module
    weights: Weights | None = None
    output: str = BINARY.output.name

    @property
    def reads_inputs(self) -> bool:
        """Whether it has the signature that `predict_inputs` uses."""
        return _BY_NAME in self.module.signatures

    def predict(self, examples: tf.Tensor) -> tf.Tensor:
        """Returns the predictions of serialized tf.Examples, through the serving signature."""
        self._assign()
        return self.module.signatures[SIGNATURE](examples=examples)[self.output]

    def predict_inputs(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the predictions of raw features, float32 [rows] by input name, through `serving_default`."""
        self._assign()
        return self.module.signatures[_BY_NAME](**inputs)[self.output]

    def _assign(self) -> None:
        if self.weights is not None:
            for variable, value in zip(self.module.weights, self.weights, strict=True):
                variable.assign(value)


class ScoringModel(Protocol):
    """A model that scores examples."""

    def predict(self, examples: tf.Tensor) -> tf.Tensor:
        """Returns the predictions of serialized tf.Examples, float32 [rows, outputs], for examples [rows]."""
        ...


Models = Mapping[str, ScoringModel]


def load_models(candidate: str, baseline: str | None, task: Task) -> Sequence[Mapping[str, ScoredModel]]:
    """Loads the models of each training seed, by name; those of the first seed are first in the list.

    Args:
        candidate: the folder of the candidate's model artifact.
        baseline: that of the baseline; None: there is none.
        task: what the models predict.
    """
    seeds: list[dict[str, ScoredModel]] = [{}]
    for name, folder in ((CANDIDATE, candidate), (BASELINE, baseline)):
        if folder is None:
            continue
        module = tf.saved_model.load(path_utils.serving_model_path(folder))
        sets = read_weight_sets(folder)
        exported = None
        if sets.trained or sets.best_epoch:
            exported = [np.asarray(variable) for variable in module.weights]
        trained = [exported, *sets.trained.values()]
        seeds += [{} for _ in trained[len(seeds) :]]
        for models, weights in zip(seeds, trained, strict=False):
            models[name] = ScoredModel(module, weights, task.output.name)
        for models, weights in zip(seeds, sets.best_epoch.values(), strict=False):
            models[EARLY_STOPPED] = ScoredModel(module, weights, task.output.name)
    return seeds
