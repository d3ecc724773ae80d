"""The columns in a model card: the features and the label that a model was trained on."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class CardLabel(BaseModel):
    """The entry `label`: its name, and its values that count as 0 and 1, which a number does not have."""

    model_config = ConfigDict(frozen=True)

    name: str
    negative: str | None = None
    positive: str | None = None

    @model_validator(mode="after")
    def _check_classes(self) -> "CardLabel":
        if len(self.classes) == 1:
            raise ValueError(f"expected both values of the label or none, got {self.classes[0]!r}")
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """The values that count as 0 and as 1; empty if the label is a number."""
        return tuple(value for value in (self.negative, self.positive) if value is not None)


class CardInput(BaseModel):
    """An item of the entry `inputs`.

    Attributes:
        feature: the name of the column.
        dtype: float32, or string for a categorical feature.
    """

    model_config = ConfigDict(frozen=True)

    feature: str
    dtype: str = "float32"

    @property
    def is_categorical(self) -> bool:
        """Whether the input takes texts."""
        return self.dtype == "string"


class CardColumns(BaseModel):
    """The columns in a model card.

    Attributes:
        label: the label.
        inputs: the features, at least one.
    """

    model_config = ConfigDict(frozen=True)

    label: CardLabel
    inputs: Annotated[tuple[CardInput, ...], Field(min_length=1)]

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> "CardColumns | None":
        """Returns the columns; None if the card has none in this form, such as a card that another program wrote."""
        try:
            return cls.model_validate(card)
        except ValidationError:
            return None
