"""The keys under `tuning`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from components.config.base import Settings, key
from components.config.model import ModelConfig


def _no_repeats(values: tuple[float, ...]) -> tuple[float, ...]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"expected numbers that differ, got {value:g} twice")
    return values


# YAML has lists, not tuples: these types take either.
_LIST = (Field(strict=False), AfterValidator(_no_repeats))
Strengths = Annotated[tuple[Annotated[float, Field(strict=True, ge=0)], ...], *_LIST]
Rates = Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], *_LIST]
Steps = Annotated[tuple[Annotated[float, Field(strict=True, gt=0)], ...], *_LIST]


class TuningConfig(Settings):
    """Whether a search chooses what holds the network back, and from what."""

    trials: int = key(
        0,
        "Trainings of which the one with the lowest validation log loss is chosen; the candidate then takes its "
        "values, the baseline its learning rate. The first has the values as configured, the others draw from the "
        "lists below. 0: no Tuner.",
        unit="trainings",
        ge=0,
    )
    # Lists, not ranges: 0 is one of the values, the steps are as fine as they are written, evenly or by powers of ten.
    l1: Strengths = key(
        (0.0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
        "Values to try in the place of model.l1; none listed: that stays as it is.",
        unit="per weight",
        expects="a list of numbers >= 0",
    )
    l2: Strengths = key(
        (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
        "Values to try in the place of model.l2; none listed: that stays as it is.",
        unit="per weight²",
        expects="a list of numbers >= 0",
    )
    dropout: Rates = key(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        "Values to try in the place of model.dropout; none listed: that stays as it is.",
        unit="fraction",
        expects="a list of numbers >= 0 and < 1",
    )
    learning_rate: Steps = key(
        (3e-4, 1e-3, 3e-3),
        "Values to try in the place of training.learning_rate, the baseline's too; none listed: that stays as it is.",
        unit="per step",
        expects="a list of numbers > 0",
    )
    # KerasTuner takes 0 for no seed.
    seed: int = key(1, "Seed of the draws; each trial is trained with training.seed.", ge=1, lt=2**31)

    def names(self, model: ModelConfig) -> tuple[str, ...]:
        """What is tuned: that which has values to try. Without a hidden layer there is nothing to drop out of."""
        names = ("l1", "l2", *(["dropout"] if model.hidden_units else []), "learning_rate")
        return tuple(name for name in names if getattr(self, name))

    def check(self, model: ModelConfig) -> None:
        """Refuses trials that have nothing to try, or a list to put a number in the place of.

        Raises:
            ValueError: beginning with the key at fault.
        """
        names = self.names(model) if self.trials else ()
        if self.trials and not names:
            raise ValueError(
                f"tuning.trials: expected 0 where tuning lists no values to try, got {self.trials}"
            )
        for name in names:
            given = getattr(model, name, None)
            if isinstance(given, tuple):
                raise ValueError(
                    f"model.{name}: expected a number, in place of which the Tuner puts another, or tuning.{name}: [], "
                    f"got {list(given)}"
                )
