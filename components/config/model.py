"""The configuration keys under `model`: the layers of the network and their regularization."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.config.base import Settings, key
from components.config.regularization import MODEL_REGULARIZATIONS, Regularization, switched_off

# YAML has lists, not tuples: these types accept both.
LayerSizes = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1)], ...], Field(strict=False, max_length=32)
]
AUTO = "auto"
# The Tuner chooses it; or one number for all layers; or a list with one for each layer.
Penalties = (
    Literal["auto"]
    | Annotated[float, Field(ge=0)]
    | Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], Field(strict=False)]
)
DropoutRates = (
    Literal["auto"]
    | Annotated[float, Field(ge=0, lt=1)]
    | Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], Field(strict=False)]
)
_PER_KERNEL = "one per hidden layer, then the output layer"
_PER_HIDDEN = "one per hidden layer"


class ModelConfig(Settings):
    """The network and its regularization. The baseline is the same network without regularization."""

    hidden_units: LayerSizes = key(
        (128, 64),
        "Units of each hidden Dense layer, in order. An empty list: logistic regression.",
        unit="units",
    )
    l1: Penalties = key(
        AUTO,
        "Strength of the L1 penalty: l1 times the sum of absolute weights. Biases are not regularized. auto: the Tuner "
        "chooses it.",
        unit="per weight",
        expects=f"auto, a number >= 0, or a list of them ({_PER_KERNEL})",
    )
    l2: Penalties = key(
        AUTO,
        "Strength of the L2 penalty: l2 times the sum of squared weights. Biases are not regularized. auto: the Tuner "
        "chooses it.",
        unit="per weight²",
        expects=f"auto, a number >= 0, or a list of them ({_PER_KERNEL})",
    )
    group_l1: float = key(
        0.0,
        "Strength of the group lasso: group_l1 times the sum, over the features, of the norm of all their weights in "
        "the first layer, each times the root of their number. It sets all weights of a feature to 0 together: those "
        "of a number, or of all categories of a categorical feature.",
        unit="per weight",
        ge=0,
    )
    dropout: DropoutRates = key(
        AUTO,
        "Fraction of the outputs of each hidden layer that is set to 0 at random during training. auto: the Tuner "
        "chooses it (see tuning).",
        unit="fraction",
        expects=f"auto, a number >= 0 and < 1, or a list of them ({_PER_HIDDEN})",
    )

    @model_validator(mode="after")
    def _check_list_lengths(self) -> "ModelConfig":
        for item in MODEL_REGULARIZATIONS:
            given, length = getattr(self, item.name), self._layers(item)
            if isinstance(given, tuple) and len(given) != length:
                which = _PER_KERNEL if item.values == "one per kernel" else _PER_HIDDEN
                raise ValueError(
                    f"{item.key}: expected a list of length {length} ({which}), got {list(given)}"
                )
        return self

    def by_layer(self, item: Regularization) -> tuple[float, ...]:
        """Returns the strength of a regularization in each layer of the network, from the input to the output.

        L1 and L2 have a value for each hidden layer and one for the output layer, dropout one for each hidden layer,
        and the group lasso only one, for the first layer.

        Raises:
            ValueError: the strength is not chosen yet.
        """
        if item in self.to_choose():
            raise ValueError(f"{item.key}: expected a strength that the Tuner has chosen, got {AUTO}")
        value = getattr(self, item.name)
        return value if isinstance(value, tuple) else (value,) * self._layers(item)

    def to_choose(self) -> tuple[Regularization, ...]:
        """Returns the regularizations whose strength is auto, so that the Tuner chooses it."""
        return tuple(
            item
            for item in MODEL_REGULARIZATIONS
            if getattr(self, item.name) == AUTO and item.applies(self.hidden_units)
        )

    def with_strengths(self, strengths: Mapping[str, float]) -> "ModelConfig":
        """Returns the network with these strengths, by name of the key, for all layers."""
        return self.model_copy(update=dict(strengths))

    def without_regularization(self) -> "ModelConfig":
        """Returns the baseline's network: the same layers, with every regularization switched off."""
        return self.model_copy(update=switched_off("model"))

    def _layers(self, item: Regularization) -> int:
        if item.values == "one":
            return 1
        return len(self.hidden_units) + (item.values == "one per kernel")
