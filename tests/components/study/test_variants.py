"""What a study trains, for the defaults and for configurations that have something to say about it."""

import pytest

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.study.variants import StudyPlan, Variant, config_overrides, plan_study

MODEL, TRAINING = ModelConfig(), TrainingConfig()


def settings(variant: Variant) -> tuple[object, ...]:
    model, training = variant.model, variant.training
    return (
        variant.name, model.l1, model.l2, model.dropout, training.weight_decay, training.early_stopping,
        training.optimizer,
    )  # fmt: skip


def named(planned: StudyPlan) -> dict[str, Variant]:
    return {variant.name: variant for variant in planned.family}


def test_the_family_of_the_defaults() -> None:
    """One thing at a time, and early stopping in the last two rows only; the rest of the configuration is as it was."""
    planned = plan_study(MODEL, TRAINING, 0)
    assert [settings(variant) for variant in planned.family] == [
        ("none", 0, 0, 0, 0, 0, "adam"),
        ("L1, gradient", 1e-4, 0, 0, 0, 0, "adam"),
        ("L1, proximal", 1e-4, 0, 0, 0, 0, "proximal_adam"),
        ("L2", 0, 1e-3, 0, 0, 0, "adam"),
        ("elastic net", 1e-4, 1e-3, 0, 0, 0, "proximal_adam"),
        ("dropout", 0, 0, 0.2, 0, 0, "adam"),
        ("weight decay", 0, 0, 0, 1, 0, "adamw"),
        ("early stopping", 0, 0, 0, 0, 10, "adam"),
        ("all", 1e-4, 1e-3, 0.2, 0, 10, "adam"),
    ]
    assert {variant.training.epochs for variant in planned.family} == {100}
    assert {variant.model.hidden_units for variant in planned.family} == {(128, 64)}
    assert planned.paths == {}
    assert planned.notes == ("training.weight_decay is 0 in the configuration: its variant uses 1 instead.",)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "proximal_adam"])
def test_the_ends_are_what_the_trainers_train(optimizer: str) -> None:
    """`none` is BaselineTrainer's, to the last setting, and `all` is Trainer's."""
    training = TrainingConfig(optimizer=optimizer, seed=7, epochs=3)  # type: ignore[arg-type]
    family = plan_study(MODEL, training, 0).family
    assert family[0][1:3] == (MODEL.without_regularization(), training.without_regularization())
    assert family[-1][1:3] == (MODEL, training)


def test_a_strength_of_0_is_replaced_where_its_row_would_say_nothing() -> None:
    """By the default's; `all` stays as configured; the notes say so."""
    model = ModelConfig(l1=0.0, l2=(0.0, 0.0, 0.0), dropout=0.0)
    training = TrainingConfig(early_stopping=0)
    planned = plan_study(model, training, 0)
    rows = named(planned)
    assert (rows["L1, proximal"].model.l1, rows["L2"].model.l2, rows["dropout"].model.dropout) == (
        1e-4,
        1e-3,
        0.2,
    )
    assert rows["early stopping"].training.early_stopping == 10
    assert rows["all"][1:3] == (model, training)
    assert planned.notes == (
        "model.l1 is 0 in the configuration: its variant uses 0.0001 instead.",
        "model.l2 is 0 in the configuration: its variant uses 0.001 instead.",
        "model.dropout is 0 in the configuration: its variant uses 0.2 instead.",
        "training.weight_decay is 0 in the configuration: its variant uses 1 instead.",
        "training.early_stopping is 0 in the configuration: its variant uses 10 instead.",
    )


def test_strengths_by_layer_stay() -> None:
    model = ModelConfig(hidden_units=(4,), l1=(0.5, 0.0), dropout=(0.3,))
    rows = named(plan_study(model, TRAINING, 0))
    assert rows["elastic net"].model.l1 == (0.5, 0.0)
    assert rows["dropout"].model.dropout == (0.3,)


def test_logistic_regression_has_no_dropout() -> None:
    """There is no hidden output to drop: no row, no path, and no note on it."""
    planned = plan_study(ModelConfig(hidden_units=(), dropout=0.0), TRAINING, 2)
    assert "dropout" not in named(planned)
    assert list(planned.paths) == ["l1", "l2"]
    assert not any("dropout" in note for note in planned.notes)


def test_sgd_has_no_proximal_step() -> None:
    """L1 is by gradient everywhere; weight decay would be the L2 penalty again, and has a row only if configured."""
    planned = plan_study(MODEL, TrainingConfig(optimizer="sgd"), 2)
    assert {variant.training.optimizer for variant in (*planned.family, *planned.paths["l1"])} == {"sgd"}
    assert not {"L1, proximal", "weight decay"} & set(named(planned))
    assert planned.notes == (
        "training.optimizer is sgd, which has no proximal step: L1 leaves weights near 0, not at 0.",
    )
    decaying = named(plan_study(MODEL, TrainingConfig(optimizer="sgd", weight_decay=0.1), 0))["weight decay"]
    assert (decaying.training.optimizer, decaying.training.weight_decay) == ("sgd", 0.1)


def test_with_a_proximal_optimizer_the_gradient_row_is_adams() -> None:
    rows = named(plan_study(MODEL, TrainingConfig(optimizer="proximal_adam"), 0))
    assert rows["L1, gradient"].training.optimizer == "adam"
    assert rows["L1, proximal"].training.optimizer == "proximal_adam"
    assert rows["weight decay"].training.optimizer == "proximal_adam"


def test_the_paths() -> None:
    """One penalty alone: l1 and l2 evenly on a logarithmic scale, dropout on a linear one; l1 with exact zeros."""
    paths = plan_study(MODEL, TRAINING, 7).paths
    strengths = {name: [variant.strength for variant in path] for name, path in paths.items()}
    assert strengths == {
        "l1": [1e-5, 3.2e-5, 1e-4, 3.2e-4, 1e-3, 3.2e-3, 1e-2],
        "l2": [1e-5, 3.2e-5, 1e-4, 3.2e-4, 1e-3, 3.2e-3, 1e-2],
        "dropout": [0.1, 0.22, 0.33, 0.45, 0.57, 0.68, 0.8],
    }
    assert settings(paths["l1"][1]) == ("l1 = 3.2e-05", 3.2e-5, 0, 0, 0, 0, "proximal_adam")
    assert settings(paths["l2"][2]) == ("l2 = 0.0001", 0, 1e-4, 0, 0, 0, "adam")
    assert settings(paths["dropout"][6]) == ("dropout = 0.8", 0, 0, 0.8, 0, 0, "adam")


def test_two_strengths_are_the_ends() -> None:
    assert [variant.strength for variant in plan_study(MODEL, TRAINING, 2).paths["l2"]] == [1e-5, 1e-2]


def test_every_variant_is_a_configuration_that_would_be_accepted() -> None:
    """They are made by model_copy, which does not validate."""
    planned = plan_study(MODEL, TRAINING, 5)
    for variant in (*planned.family, *(v for path in planned.paths.values() for v in path)):
        assert ModelConfig.model_validate(variant.model.model_dump()) == variant.model
        assert TrainingConfig.model_validate(variant.training.model_dump()) == variant.training


def test_how_to_train_a_variant_in_a_run() -> None:
    """Only what differs, as `--set` takes it; nothing for the configuration itself."""
    model = ModelConfig(hidden_units=(8,), l1=0.0, l2=(0.1, 0.001))
    planned = plan_study(model, TRAINING, 2)
    assert config_overrides(named(planned)["all"], model, TRAINING) == []
    assert config_overrides(planned.paths["l1"][0], model, TRAINING) == [
        "model.l1=1e-05", "model.l2=0", "model.dropout=0", "training.optimizer=proximal_adam",
        "training.early_stopping=0",
    ]  # fmt: skip
    assert config_overrides(named(planned)["L2"], ModelConfig(hidden_units=(8,)), TRAINING)[1] == (
        "model.l2=[0.1, 0.001]"
    )
