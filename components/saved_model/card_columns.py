"""The columns in a model card: the features and the label that a model was trained on."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class CardLabel(BaseModel):
    """The entry `label`: its name, and its classes by their numbers, which a number does not have.

    With two classes, `negative` is the one that counts as 0 and `positive` the one that counts as 1.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    negative: str | None = None
    positive: str | None = None
    classes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _add_classes(cls, values: Any) -> Any:
        # A card of an earlier version has only these two.
        if not isinstance(values, dict) or "classes" in values:
            return values
        pair = (values.get("negative"), values.get("positive"))
        return {**values, "classes": [value for value in pair if value is not None]}

    @model_validator(mode="after")
    def _check_classes(self) -> "CardLabel":
        if len(self.classes) == 1:
            raise ValueError(f"expected both values of the label or none, got {self.classes[0]!r}")
        return self


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
