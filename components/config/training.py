"""The configuration keys under `training`: loss, optimizer, epochs, early stopping, class weights and devices."""

from collections.abc import Sequence
from typing import Literal

from pydantic import model_validator

from components.config.base import Settings, key
from components.config.regularization import switched_off
from components.config.task_keys import check_task_keys
from components.tasks.known_tasks import loss_of
from components.tasks.task import Loss, Task

PROXIMAL, NEWTON = "proximal_adam", "proximal_newton"
BALANCED = "balanced"
MULTI_WORKER = "multi_worker"


class TrainingConfig(Settings):
    """How the network is trained."""

    epochs: int = key(100, "The maximum number of passes over the training split.", unit="epochs", ge=1)
    batch_size: int = key(
        32,
        "Rows per optimizer step. This is the global batch size; all GPUs share one batch.",
        unit="rows",
        ge=1,
    )
    optimizer: Literal["auto", "proximal_adam", "proximal_newton", "adam", "adamw", "sgd"] = key(
        "auto",
        "'proximal_adam': Adam with a proximal step for model.l1, which sets weights to exactly 0; 'proximal_newton': "
        "the exact minimum, only without a hidden layer; 'auto': proximal_newton without a hidden layer (and without "
        "weight decay), otherwise proximal_adam; 'adam'; 'adamw': Adam with training.weight_decay; 'sgd': stochastic "
        "gradient descent without momentum.",
    )
    # Goyal et al. (2017, arXiv:1706.02677) multiply the learning rate by k if k GPUs make the batch k times as large.
    # Here batch_size is the global batch size: more GPUs share the same batch and take the same steps, so nothing has
    # to be scaled. If you raise batch_size for more GPUs, you can apply their rule by hand.
    learning_rate: float = key(
        1e-3,
        "The learning rate of the optimizer. It does not depend on the number of GPUs, because training.batch_size is "
        "the global batch size. If you scale the batch by k, try scaling the learning rate by k.",
        unit="per step",
        gt=0,
    )
    weight_decay: float = key(
        0.0,
        "Decoupled weight decay (not with 'adam'): each step first subtracts learning_rate * weight_decay * w from "
        "each weight w. Biases do not decay.",
        unit="fraction of a weight",
        ge=0,
    )
    loss: Literal["auto", "log_loss", "mse", "huber", "cross_entropy"] = key(
        "auto",
        "The loss that the training minimizes, besides the penalties. auto: log_loss for two classes, cross_entropy "
        "for more, and mse, the mean squared error, for a number. huber: as mse, but linear for errors beyond one "
        "standard deviation of the label, so that outliers count less.",
    )
    class_weight: Literal["none", "balanced"] = key(
        "none",
        "balanced: both classes have the same total weight in training and in the validation loss, which helps if one "
        "of them is rare. The probabilities are then recalibrated on the validation split. none: rows of both classes "
        "weigh the same.",
    )
    early_stopping: int = key(
        10,
        "The candidate's training stops after this number of epochs without a lower validation log loss, and restores "
        "the weights of its best epoch. 0: no early stopping.",
        unit="epochs",
        ge=0,
    )
    strategy: Literal["auto", "mirrored", "multi_worker", "none"] = key(
        "auto",
        "'mirrored': MirroredStrategy over all GPUs; 'auto': MirroredStrategy if there are several GPUs; "
        "'multi_worker': MultiWorkerMirroredStrategy over training.workers processes on this machine; "
        "'none': one device.",
    )
    workers: int = key(
        2,
        "With training.strategy multi_worker: the number of processes that divide the rows of each batch.",
        unit="processes",
        ge=2,
    )
    deterministic: bool = key(
        True,
        "On GPUs: use only operations that have the same result each time, so that the same data and configuration "
        "give the same model. No effect on a CPU, where this always holds.",
    )
    memory: int = key(
        256,
        "The memory limit for the rows of a split, at 4 bytes for each feature, the label and the weight. A larger "
        "split is read from Transform's files (those on gs:// are copied to TMPDIR) in windows of at most this size. A "
        "window holds rows from all parts of the split, and rows are shuffled within a window.",
        unit="MiB",
        ge=1,
    )
    seed: int = key(42, "Seed of the initial weights, the shuffling and the dropout.", ge=0, lt=2**31)

    @model_validator(mode="after")
    def _check_weight_decay(self) -> "TrainingConfig":
        if self.optimizer in ("adam", NEWTON) and self.weight_decay:
            raise ValueError(
                f"training.weight_decay: expected 0 with training.optimizer {self.optimizer} (only the others "
                f"support it), got {self.weight_decay}"
            )
        return self

    @property
    def objective(self) -> Loss:
        """The loss that the training minimizes, without the penalties."""
        return loss_of(self.loss)

    def for_task(self, task: Task) -> "TrainingConfig":
        """Returns the settings with the loss that 'auto' means for a task.

        Raises:
            ValueError: the loss is that of another task, or a key is set that the task does not have.
        """
        check_task_keys("training", self, task)
        losses = [loss.name for loss in task.losses]
        if self.optimizer == NEWTON and task.losses[0].at_margins is None:
            raise ValueError(
                f"training.optimizer: expected another one than {NEWTON}, because the task is {task.name} (see "
                f"data.task), got {self.optimizer!r}"
            )
        if self.loss == "auto":
            return self.model_copy(update={"loss": losses[0]})
        if self.loss not in losses:
            raise ValueError(
                f"training.loss: expected one of auto, {', '.join(losses)}, because the task is {task.name} (see "
                f"data.task), got {self.loss!r}"
            )
        return self

    @property
    def is_proximal(self) -> bool:
        """Whether gradient descent treats the L1 penalty by a proximal step, and not by its gradient."""
        return self.optimizer in ("auto", PROXIMAL)

    def with_optimizer(self, hidden_units: Sequence[int]) -> "TrainingConfig":
        """Returns the settings with the optimizer that 'auto' means for a network with these hidden layers."""
        if self.optimizer != "auto":
            return self
        exact = not hidden_units and not self.weight_decay and self.objective.at_margins is not None
        return self.model_copy(update={"optimizer": NEWTON if exact else PROXIMAL})

    def without_regularization(self) -> "TrainingConfig":
        """Returns the baseline's settings: the same optimizer and epochs, no weight decay and no early stopping."""
        # 'auto' depends on the weight decay, which the baseline does not have.
        optimizer = PROXIMAL if self.optimizer == "auto" and self.weight_decay else self.optimizer
        return self.model_copy(update={**switched_off("training"), "optimizer": optimizer})
