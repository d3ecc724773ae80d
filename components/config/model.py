"""The keys under `model`."""

from typing import Annotated

from pydantic import Field, model_validator

from components.config.base import Settings, key

# YAML has lists, not tuples: these types take either.
LayerSizes = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1)], ...], Field(strict=False, max_length=32)
]
# A number for all layers, or one for each.
Penalties = (
    Annotated[float, Field(ge=0)]
    | Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], Field(strict=False)]
)
DropoutRates = (
    Annotated[float, Field(ge=0, lt=1)]
    | Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], Field(strict=False)]
)
_PER_KERNEL = "one per hidden layer, then the output layer"
_PER_HIDDEN = "one per hidden layer"


class ModelConfig(Settings):
    """The network and what holds it back. The baseline is the same network with nothing holding it back."""

    hidden_units: LayerSizes = key(
        (128, 64), "Units of each hidden Dense layer, in order; none: logistic regression.", unit="units"
    )
    l1: Penalties = key(
        1e-4,
        "Strength of the L1 penalty: l1 times the sum of absolute weights; biases have none.",
        unit="per weight",
        expects=f"a number >= 0, or a list of them ({_PER_KERNEL})",
    )
    l2: Penalties = key(
        1e-3,
        "Strength of the L2 penalty: l2 times the sum of squared weights; biases have none.",
        unit="per weight²",
        expects=f"a number >= 0, or a list of them ({_PER_KERNEL})",
    )
    dropout: DropoutRates = key(
        0.2,
        "Share of each hidden layer's outputs that is dropped at random while training.",
        unit="fraction",
        expects=f"a number >= 0 and < 1, or a list of them ({_PER_HIDDEN})",
    )

    @model_validator(mode="after")
    def _one_value_per_layer(self) -> "ModelConfig":
        hidden = len(self.hidden_units)
        for name, length, which in (
            ("l1", hidden + 1, _PER_KERNEL),
            ("l2", hidden + 1, _PER_KERNEL),
            ("dropout", hidden, _PER_HIDDEN),
        ):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != length:
                raise ValueError(
                    f"model.{name}: expected a list of length {length} ({which}), got {list(given)}"
                )
        return self

    def l1_by_layer(self) -> tuple[float, ...]:
        """The L1 strength of each hidden layer's kernel, then of the output layer's."""
        return _spread(self.l1, len(self.hidden_units) + 1)

    def l2_by_layer(self) -> tuple[float, ...]:
        """The L2 strength of each hidden layer's kernel, then of the output layer's."""
        return _spread(self.l2, len(self.hidden_units) + 1)

    def dropout_by_layer(self) -> tuple[float, ...]:
        """The dropout rate after each hidden layer."""
        return _spread(self.dropout, len(self.hidden_units))

    def without_regularization(self) -> "ModelConfig":
        """The baseline's network: derived from the candidate, never written a second time."""
        return self.model_copy(update={"l1": 0.0, "l2": 0.0, "dropout": 0.0})


def _spread(value: float | tuple[float, ...], layers: int) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,) * layers
