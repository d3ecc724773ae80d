"""The table of regularizations: the key of each, its label, its neutral value, and the strengths that a study tries.

The settings, the training loop, the Tuner, the study, the report, the command line and Kubeflow's runtime parameters
read this table. A new regularization is a row here, a key in `ModelConfig` or `TrainingConfig`, and its code in
`components.training`.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple


class StrengthRange(NamedTuple):
    """The strengths on the path of a study, evenly spaced on a logarithmic or a linear scale."""

    lowest: float
    highest: float
    logarithmic: bool


class Regularization(NamedTuple):
    """One kind of regularization.

    Attributes:
        group: the group of its key.
        name: the name of its key; also of the Tuner's list, the runtime parameter on Kubeflow and the study's path.
        label: its name in messages and tables.
        off: the value that switches it off, as in the baseline.
        values: how many values the key takes: "one", "one per kernel" (of each hidden layer, then of the output
            layer), or "one per hidden layer". A single number then holds for all layers.
        shrinks_weights: whether it pulls the weights towards 0 in each step.
        typical: a strength with a visible effect on a table of 1,000 rows, for a study where none is configured.
        study_range: the strengths on the study's path; None if the study has no path for it.
    """

    group: Literal["model", "training"]
    name: str
    label: str
    off: float
    values: Literal["one", "one per kernel", "one per hidden layer"]
    shrinks_weights: bool
    typical: float
    study_range: StrengthRange | None = None

    @property
    def key(self) -> str:
        """The dotted configuration key, such as `model.l1`."""
        return f"{self.group}.{self.name}"

    def applies(self, hidden_units: Sequence[int]) -> bool:
        """Returns whether it applies to a network with these hidden layers: dropout needs a hidden layer."""
        return self.values != "one per hidden layer" or bool(hidden_units)


# From no effect to a network of zeros, on tables of 20 features.
_PENALTY_RANGE = StrengthRange(1e-5, 1e-2, logarithmic=True)

L1 = Regularization("model", "l1", "L1", 0.0, "one per kernel", True, 1e-4, _PENALTY_RANGE)
L2 = Regularization("model", "l2", "L2", 0.0, "one per kernel", True, 1e-3, _PENALTY_RANGE)
GROUP_L1 = Regularization("model", "group_l1", "group lasso", 0.0, "one", True, 1e-3)
DROPOUT = Regularization(
    "model",
    "dropout",
    "dropout",
    0.0,
    "one per hidden layer",
    False,
    0.2,
    StrengthRange(0.1, 0.8, logarithmic=False),
)
# With this decay AdamW keeps weights between about -1 and 1, whatever the learning rate: its step is hardly longer than
# learning_rate, and the decay subtracts learning_rate * weight_decay * w.
WEIGHT_DECAY = Regularization("training", "weight_decay", "weight decay", 0.0, "one", True, 1.0)
EARLY_STOPPING = Regularization("training", "early_stopping", "early stopping", 0, "one", False, 10)

REGULARIZATIONS = (L1, L2, GROUP_L1, DROPOUT, WEIGHT_DECAY, EARLY_STOPPING)
MODEL_REGULARIZATIONS = tuple(item for item in REGULARIZATIONS if item.group == "model")
STUDY_PATHS = {item.name: item for item in REGULARIZATIONS if item.study_range}


def switched_off(group: str) -> dict[str, float]:
    """Returns the values, by name, that switch off every regularization of a group of keys."""
    return {item.name: item.off for item in REGULARIZATIONS if item.group == group}
