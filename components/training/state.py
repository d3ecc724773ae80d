"""The state of a running training that a checkpoint saves, and the weights of the best epoch."""

import keras

from components.training.checkpoints import Checkpoint
from components.training.history import EpochMetrics


class BestWeights:
    """The weights of the best epoch so far."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self.loss = float("inf")
        self.weights = model.get_weights()
        self.epoch = 0

    def update(self, epoch: int, loss: float) -> None:
        """Copies the model's weights if this epoch has the lowest validation loss so far, without the penalties."""
        if loss < self.loss:
            self.loss, self.weights, self.epoch = loss, self._model.get_weights(), epoch

    def restore(self) -> None:
        """Sets the model's weights to the best ones."""
        self._model.set_weights(self.weights)


class TrainingState:
    """Everything that later epochs depend on: the variables of model and optimizer, the best weights, the history."""

    def __init__(self, variables: list[keras.Variable], best: BestWeights) -> None:
        self._variables = variables
        self._best = best

    def checkpoint(self, history: list[EpochMetrics]) -> Checkpoint:
        """Returns a copy of the current state."""
        arrays = [variable.numpy() for variable in self._variables]
        best = {"epoch": self._best.epoch, "loss": self._best.loss}
        return Checkpoint([*arrays, *self._best.weights], {"history": history, "best": best})

    def restore(self, found: Checkpoint) -> list[EpochMetrics]:
        """Restores the state from a checkpoint and returns the history."""
        split = len(self._variables)
        for variable, array in zip(self._variables, found.arrays[:split], strict=True):
            variable.assign(array)
        best = found.record["best"]
        self._best.weights, self._best.epoch = found.arrays[split:], best["epoch"]
        self._best.loss = best["loss"]
        history: list[EpochMetrics] = found.record["history"]
        return history
