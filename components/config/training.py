"""The keys under `training`."""

from typing import Literal

from pydantic import model_validator

from components.config.base import Settings, key


class TrainingConfig(Settings):
    """How the network is fitted."""

    epochs: int = key(100, "The most passes over the training split.", unit="epochs", ge=1)
    batch_size: int = key(
        32, "Rows in one step of the optimizer: the global batch, shared among all GPUs.", unit="rows", ge=1
    )
    optimizer: Literal["adam", "adamw", "sgd", "proximal_adam"] = key(
        "adam",
        "'adam'; 'adamw': Adam with training.weight_decay; 'sgd': plain gradient descent; 'proximal_adam': Adam "
        "with a proximal step for model.l1, which makes weights exactly 0.",
    )
    # Goyal et al. (2017, arXiv:1706.02677) multiply the step size by k when k GPUs make the batch k times as large.
    # Here batch_size is the global batch: more GPUs share the same batch and take the same steps, so there is
    # nothing to scale. Whoever raises batch_size for more GPUs can apply their rule by hand.
    learning_rate: float = key(
        1e-3,
        "The optimizer's step size. It needs no change for more GPUs, because training.batch_size is the global "
        "batch; who multiplies that by k may try k times the step size.",
        unit="per step",
        gt=0,
    )
    weight_decay: float = key(
        0.0,
        "Decoupled weight decay (not with 'adam'): each step first takes learning_rate * weight_decay of each "
        "weight away; biases have none.",
        unit="fraction of a weight",
        ge=0,
    )
    early_stopping: int = key(
        10,
        "Epochs without a lower validation loss after which the candidate stops and takes its best weights "
        "back; 0: never.",
        unit="epochs",
        ge=0,
    )
    strategy: Literal["auto", "mirrored", "none"] = key(
        "auto",
        "'mirrored': MirroredStrategy over all GPUs; 'auto': that where there is a GPU; 'none': one device.",
    )
    memory: int = key(
        256,
        "What the rows of a split may take in memory, with 4 bytes for each feature and the label. A larger split lies "
        "on the disk, in the folder for temporary files (TMPDIR), and is read in windows of at most this size: rows "
        "from all over the split, which are shuffled within a window.",
        unit="MiB",
        ge=1,
    )
    seed: int = key(42, "Seed of the weights, the shuffling and the dropout.", ge=0, lt=2**31)

    @model_validator(mode="after")
    def _adam_has_no_decay(self) -> "TrainingConfig":
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(
                "training.weight_decay: expected 0 with training.optimizer adam (the others have weight "
                f"decay), got {self.weight_decay}"
            )
        return self

    def without_regularization(self) -> "TrainingConfig":
        """The baseline's training: the same optimizer and epochs, no weight decay and no early stopping."""
        return self.model_copy(update={"early_stopping": 0, "weight_decay": 0.0})
