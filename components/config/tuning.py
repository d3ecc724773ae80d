"""The configuration keys under `tuning`: the number of trials and the values to try."""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.base import Settings, key
from components.config.model import ModelConfig
from components.config.regularization import MODEL_REGULARIZATIONS


def _refuse_duplicates(values: tuple[float, ...]) -> tuple[float, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"expected distinct numbers, got {value:g} twice")
    return values


# YAML has lists, not tuples: these types accept both.
_LIST = (Field(strict=False), AfterValidator(_refuse_duplicates))
StrengthList = Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], *_LIST]
RateList = Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], *_LIST]
LearningRateList = Annotated[tuple[Annotated[float, Field(strict=True, gt=0)], ...], *_LIST]


class TuningConfig(Settings):
    """The Tuner: a random search for the strengths of the regularization and the learning rate."""

    trials: int = key(
        0,
        "The number of trials. The first trial has the configured values, the others draw values from the lists "
        "below. The candidate is trained with the values of the trial with the lowest validation log loss, the "
        "baseline with its learning rate. 0: no Tuner.",
        unit="trials",
        ge=0,
    )
    # Lists instead of ranges: a list can contain 0, and its steps can be linear or logarithmic.
    l1: StrengthList = key(
        (0.0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
        "Values to try instead of model.l1; an empty list keeps the configured value.",
        unit="per weight",
        expects="a list of numbers >= 0",
    )
    l2: StrengthList = key(
        (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
        "Values to try instead of model.l2; an empty list keeps the configured value.",
        unit="per weight²",
        expects="a list of numbers >= 0",
    )
    dropout: RateList = key(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        "Values to try instead of model.dropout; an empty list keeps the configured value.",
        unit="fraction",
        expects="a list of numbers >= 0 and < 1",
    )
    learning_rate: LearningRateList = key(
        (3e-4, 1e-3, 3e-3),
        "Values to try instead of training.learning_rate, also for the baseline; an empty list keeps the configured "
        "value.",
        unit="per step",
        expects="a list of numbers > 0",
    )
    # KerasTuner treats 0 as no seed.
    seed: int = key(
        1, "Seed of the random search. Every trial is trained with training.seed.", ge=1, lt=2**31
    )

    def names(self, model: ModelConfig) -> tuple[str, ...]:
        """Returns the names of the tuned keys: those with values to try that apply to the network."""
        names = [item.name for item in MODEL_REGULARIZATIONS if item.applies(model.hidden_units)]
        return tuple(name for name in (*names, "learning_rate") if getattr(self, name))

    def check(self, model: ModelConfig) -> None:
        """Raises an error if there is nothing to tune, or if a trial would replace a list with one value per layer.

        Raises:
            ValueError: the message begins with the invalid key.
        """
        names = self.names(model) if self.trials else ()
        if self.trials and not names:
            raise ValueError(f"tuning.trials: expected 0 if tuning lists no values to try, got {self.trials}")
        for name in names:
            given = getattr(model, name, None)
            if isinstance(given, tuple):
                raise ValueError(
                    f"model.{name}: expected a single number, which the Tuner can replace, or tuning.{name}: [], "
                    f"got {list(given)}"
                )
