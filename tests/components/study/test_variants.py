"""The variants of a study, for the defaults and for configurations that change them."""

import pytest

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.study.variants import StudyPlan, Variant, config_overrides, plan_study

MODEL, TRAINING = ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2), TrainingConfig()


def settings(variant: Variant) -> tuple[object, ...]:
    model, training = variant.model, variant.training
    return (
        variant.name, model.l1, model.l2, model.dropout, training.weight_decay, training.early_stopping,
        training.optimizer,
    )  # fmt: skip


def named(planned: StudyPlan) -> dict[str, Variant]:
    return {variant.name: variant for variant in planned.family}


def test_the_family_of_the_defaults() -> None:
    """Each has one kind of regularization; only the last two stop early; all other settings are as configured."""
    planned = plan_study(MODEL, TRAINING, 0)
    assert [settings(variant) for variant in planned.family] == [
        ("none", 0, 0, 0, 0, 0, "auto"),
        ("L1, gradient", 1e-4, 0, 0, 0, 0, "adam"),
        ("L1, proximal", 1e-4, 0, 0, 0, 0, "auto"),
        ("L2", 0, 1e-3, 0, 0, 0, "auto"),
        ("elastic net", 1e-4, 1e-3, 0, 0, 0, "auto"),
        ("dropout", 0, 0, 0.2, 0, 0, "auto"),
        ("weight decay", 0, 0, 0, 1, 0, "auto"),
        ("early stopping", 0, 0, 0, 0, 10, "auto"),
        ("all", 1e-4, 1e-3, 0.2, 0, 10, "auto"),
    ]
    assert {variant.training.epochs for variant in planned.family} == {100}
    assert {variant.model.hidden_units for variant in planned.family} == {(128, 64)}
    assert planned.paths == {}
    assert planned.notes == ("training.weight_decay is 0: its variant uses 1 instead.",)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "proximal_adam"])
def test_the_first_and_last_variant_are_those_of_the_trainers(optimizer: str) -> None:
    """`none` has exactly the settings of BaselineTrainer, and `all` those of Trainer."""
    training = TrainingConfig(optimizer=optimizer, seed=7, epochs=3)  # type: ignore[arg-type]
    family = plan_study(MODEL, training, 0).family
    assert family[0][1:3] == (MODEL.without_regularization(), training.without_regularization())
    assert family[-1][1:3] == (MODEL, training)


def test_a_strength_of_0_is_replaced_by_the_default() -> None:
    """`all` stays as configured; the notes contain the replacements."""
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
        "model.l1 is 0: its variant uses 0.0001 instead.",
        "model.l2 is 0: its variant uses 0.001 instead.",
        "model.dropout is 0: its variant uses 0.2 instead.",
        "training.weight_decay is 0: its variant uses 1 instead.",
        "training.early_stopping is 0: its variant uses 10 instead.",
    )


def test_a_group_lasso_that_is_configured_has_a_variant() -> None:
    """It is trained with a proximal step; all others except `all` are without it."""
    model = MODEL.model_copy(update={"group_l1": 0.01})
    rows = named(plan_study(model, TRAINING.model_copy(update={"optimizer": "adam"}), 0))
    assert settings(rows["group lasso"]) == ("group lasso", 0, 0, 0, 0, 0, "proximal_adam")
    assert [name for name, row in rows.items() if row.model.group_l1] == ["group lasso", "all"]


def test_strengths_by_layer_are_kept() -> None:
    model = ModelConfig(hidden_units=(4,), l1=(0.5, 0.0), dropout=(0.3,), l2=1e-3)
    rows = named(plan_study(model, TRAINING, 0))
    assert rows["elastic net"].model.l1 == (0.5, 0.0)
    assert rows["dropout"].model.dropout == (0.3,)


def test_logistic_regression_has_no_dropout() -> None:
    """Without a hidden layer there is no variant, path or note for dropout."""
    planned = plan_study(ModelConfig(hidden_units=(), dropout=0.0, l1=1e-4, l2=1e-3), TRAINING, 2)
    assert "dropout" not in named(planned)
    assert list(planned.paths) == ["l1", "l2"]
    assert not any("dropout" in note for note in planned.notes)


def test_sgd_has_no_proximal_step() -> None:
    """L1 always uses the gradient; weight decay equals the L2 penalty, and has a variant only if configured."""
    planned = plan_study(MODEL, TrainingConfig(optimizer="sgd"), 2)
    assert {variant.training.optimizer for variant in (*planned.family, *planned.paths["l1"])} == {"sgd"}
    assert not {"L1, proximal", "weight decay"} & set(named(planned))
    assert planned.notes == (
        "training.optimizer is sgd, which has no proximal step: L1 leaves weights near 0, not at 0.",
    )
    decaying = named(plan_study(MODEL, TrainingConfig(optimizer="sgd", weight_decay=0.1), 0))["weight decay"]
    assert (decaying.training.optimizer, decaying.training.weight_decay) == ("sgd", 0.1)


def test_with_a_proximal_optimizer_l1_by_gradient_uses_adam() -> None:
    rows = named(plan_study(MODEL, TrainingConfig(optimizer="proximal_adam"), 0))
    assert rows["L1, gradient"].training.optimizer == "adam"
    assert rows["L1, proximal"].training.optimizer == "proximal_adam"
    assert rows["weight decay"].training.optimizer == "proximal_adam"


def test_the_paths() -> None:
    """Each path has one regularization: l1 (proximal) and l2 on a logarithmic scale, dropout on a linear scale."""
    paths = plan_study(MODEL, TRAINING, 7).paths
    strengths = {name: [variant.strength for variant in path] for name, path in paths.items()}
    assert strengths == {
        "l1": [1e-5, 3.2e-5, 1e-4, 3.2e-4, 1e-3, 3.2e-3, 1e-2],
        "l2": [1e-5, 3.2e-5, 1e-4, 3.2e-4, 1e-3, 3.2e-3, 1e-2],
        "dropout": [0.1, 0.22, 0.33, 0.45, 0.57, 0.68, 0.8],
    }
    assert settings(paths["l1"][1]) == ("l1 = 3.2e-05", 3.2e-5, 0, 0, 0, 0, "auto")
    assert settings(paths["l2"][2]) == ("l2 = 0.0001", 0, 1e-4, 0, 0, 0, "auto")
    assert settings(paths["dropout"][6]) == ("dropout = 0.8", 0, 0, 0.8, 0, 0, "auto")


def test_logistic_regression_is_fitted_exactly_except_where_that_has_no_effect() -> None:
    """L1 by gradient, weight decay and early stopping need an optimizer with epochs."""
    rows = named(plan_study(ModelConfig(hidden_units=(), l1=1e-4, l2=1e-3), TRAINING, 0))
    assert {name: row.training.with_optimizer(()).optimizer for name, row in rows.items()} == {
        "none": "proximal_newton",
        "L1, gradient": "adam",
        "L1, proximal": "proximal_newton",
        "L2": "proximal_newton",
        "elastic net": "proximal_newton",
        "weight decay": "proximal_adam",
        "early stopping": "adam",
        "all": "proximal_newton",
    }


def test_two_strengths_are_the_ends() -> None:
    assert [variant.strength for variant in plan_study(MODEL, TRAINING, 2).paths["l2"]] == [1e-5, 1e-2]


def test_every_variant_is_a_valid_configuration() -> None:
    """They are created by model_copy, which does not validate."""
    planned = plan_study(MODEL, TRAINING, 5)
    for variant in (*planned.family, *(v for path in planned.paths.values() for v in path)):
        assert ModelConfig.model_validate(variant.model.model_dump()) == variant.model
        assert TrainingConfig.model_validate(variant.training.model_dump()) == variant.training


def test_the_overrides_that_train_a_variant() -> None:
    """They contain only the differences, in the format of `--set`; none for the configuration itself."""
    model = ModelConfig(hidden_units=(8,), l1=0.0, l2=(0.1, 0.001), dropout=0.2)
    planned = plan_study(model, TRAINING, 2)
    assert config_overrides(named(planned)["all"], model, TRAINING) == []
    assert config_overrides(planned.paths["l1"][0], model, TRAINING) == [
        "model.l1=1e-05", "model.l2=0", "model.dropout=0", "training.early_stopping=0",
    ]  # fmt: skip
    assert config_overrides(
        named(planned)["L2"], ModelConfig(hidden_units=(8,), l1=1e-4, l2=1e-3, dropout=0.2), TRAINING
    )[1] == ("model.l2=[0.1, 0.001]")


def test_a_note_says_that_the_losses_contain_the_class_weights() -> None:
    """All variants have the class weights of the configuration."""
    balanced = TrainingConfig(class_weight="balanced", weight_decay=0.1, optimizer="adamw")
    planned = plan_study(ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2), balanced, 0)
    (note,) = planned.notes
    assert note.startswith(
        "training.class_weight is balanced: log loss and accuracy contain the class weights"
    )
    assert {variant.training.class_weight for variant in planned.family} == {"balanced"}
