"""The table of regularizations agrees with the settings that it describes."""

import pytest

from components.config.base import Settings
from components.config.model import ModelConfig
from components.config.regularization import DROPOUT, REGULARIZATIONS, STUDY_PATHS, Regularization
from components.config.training import TrainingConfig
from components.config.tuning import TuningConfig

GROUPS: dict[str, type[Settings]] = {"model": ModelConfig, "training": TrainingConfig}


@pytest.mark.parametrize("item", REGULARIZATIONS, ids=lambda item: item.key)
def test_each_row_is_a_key_that_accepts_its_values(item: Regularization) -> None:
    """The neutral value and both ends of the study's range are valid; a list is valid if the row allows one."""
    group = GROUPS[item.group]
    strengths = item.study_range[:2] if item.study_range else ()
    for value in (item.off, *strengths):
        assert getattr(group.model_validate({item.name: value}), item.name) == value
    if item.values != "one":
        length = 2 if item.values == "one per hidden layer" else 3
        given = ModelConfig.model_validate({"hidden_units": [4, 2], item.name: [0.5] * length})
        assert given.by_layer(item) == (0.5,) * length


def test_the_baseline_has_every_regularization_switched_off() -> None:
    bare = {
        "model": ModelConfig().without_regularization(),
        "training": TrainingConfig(optimizer="adamw", weight_decay=0.5).without_regularization(),
    }
    assert [getattr(bare[item.group], item.name) for item in REGULARIZATIONS] == [0] * len(REGULARIZATIONS)


@pytest.mark.parametrize("hidden_units", [(), (4,)])
def test_the_baseline_of_a_training_with_weight_decay_has_the_same_optimizer(
    hidden_units: tuple[int, ...],
) -> None:
    """Else the baseline of logistic regression would be the exact minimum, which is trained with one seed only."""
    training = TrainingConfig(weight_decay=0.5)
    optimizers = [
        settings.with_optimizer(hidden_units).optimizer
        for settings in (training, training.without_regularization())
    ]
    assert optimizers == ["proximal_adam", "proximal_adam"]


def test_the_tuner_and_the_study_use_the_regularizations_of_the_model() -> None:
    """In the order of the table; dropout needs a hidden layer."""
    assert list(STUDY_PATHS) == ["l1", "l2", "dropout"]
    assert [item.name for item in ModelConfig().to_choose()] == list(STUDY_PATHS)
    assert all(getattr(TuningConfig(), name)[0] == 0 for name in STUDY_PATHS)
    assert not DROPOUT.applies(())
    assert DROPOUT.applies((4,))
