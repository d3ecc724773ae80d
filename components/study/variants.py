"""Plans the variants of a study: each kind of regularization alone, all together, and paths of strengths."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from components.config.model import ModelConfig
from components.config.regularization import (
    DROPOUT,
    EARLY_STOPPING,
    GROUP_L1,
    L1,
    L2,
    MODEL_REGULARIZATIONS,
    STUDY_PATHS,
    WEIGHT_DECAY,
    Regularization,
    StrengthRange,
)
from components.config.training import BALANCED, NEWTON, PROXIMAL, TrainingConfig
from components.study.study_record import NO_REGULARIZATION

AS_CONFIGURED = "all"


class Variant(NamedTuple):
    """The name and settings of one training of the study; `strength` is its strength on a path."""

    name: str
    model: ModelConfig
    training: TrainingConfig
    strength: float | None = None


class StudyPlan(NamedTuple):
    """The trainings of a study.

    Attributes:
        family: no regularization, each kind alone (the group lasso only if it is configured), elastic net, and all as
            configured.
        paths: for each name ("l1", "l2", "dropout"), variants with only this regularization, from weak to strong.
        notes: a sentence for each setting that differs from the configuration, and one on class weights.
    """

    family: tuple[Variant, ...]
    paths: Mapping[str, tuple[Variant, ...]]
    notes: tuple[str, ...]


def plan_study(model: ModelConfig, training: TrainingConfig, strengths: int) -> StudyPlan:
    """Plans the trainings of a study.

    "none" is the network of BaselineTrainer and "all" that of Trainer. Each of the others takes one kind of
    regularization from the configuration. All except "early stopping" and "all" train every epoch, because early
    stopping would hide the effect of a penalty. L1 is trained by gradient and with the proximal step, which sets
    weights to exactly 0. Elastic net, group lasso and the L1 path use the proximal step. SGD has no proximal step here.

    Args:
        model: the model as it is trained, with the strengths that the Tuner has chosen; a strength of 0 is replaced by
            a typical one, so that its variant has an effect.
        training: the configured training.
        strengths: the number of strengths on each path; 0: no paths.
    """
    effective, decay, patience, notes = _replace_zeros(model, training)
    if training.class_weight == BALANCED:
        notes.append(
            "training.class_weight is balanced: log loss and accuracy contain the class weights, as in training, and "
            "are measured before the recalibration."
        )
    bare, plain = model.without_regularization(), training.without_regularization()
    optimizer = plain.with_optimizer(model.hidden_units).optimizer
    is_proximal = optimizer in (PROXIMAL, NEWTON)
    proximal = plain if is_proximal or optimizer == "sgd" else _with(plain, optimizer=PROXIMAL)
    if optimizer == "sgd":
        notes.append(
            "training.optimizer is sgd, which has no proximal step: L1 leaves weights near 0, not at 0."
        )
    gradient = _with(plain, optimizer="adam") if is_proximal else plain

    def only(*items: Regularization) -> ModelConfig:
        return bare.model_copy(update={item.name: getattr(effective, item.name) for item in items})

    family = [Variant(NO_REGULARIZATION, bare, plain), Variant(f"{L1.label}, gradient", only(L1), gradient)]
    if optimizer != "sgd":
        family.append(Variant(f"{L1.label}, proximal", only(L1), proximal))
    family += [Variant(L2.label, only(L2), plain), Variant("elastic net", only(L1, L2), proximal)]
    if model.group_l1:
        family.append(Variant(GROUP_L1.label, only(GROUP_L1), proximal))
    if DROPOUT.applies(model.hidden_units):
        family.append(Variant(DROPOUT.label, only(DROPOUT), plain))
    if decay:
        decaying = _with(plain, optimizer="adamw") if plain.optimizer in ("adam", NEWTON) else plain
        family.append(Variant(WEIGHT_DECAY.label, bare, _with(decaying, weight_decay=decay)))
    family += [
        # The exact minimum has no earlier epochs to stop at.
        Variant(
            EARLY_STOPPING.label,
            bare,
            _with(gradient if optimizer == NEWTON else plain, early_stopping=patience),
        ),
        Variant(AS_CONFIGURED, model, training),
    ]
    paths = {
        item.name: tuple(
            Variant(
                f"{item.name} = {strength:g}",
                bare.model_copy(update={item.name: strength}),
                proximal if item is L1 else plain,
                strength,
            )
            for strength in _spaced(item.study_range, strengths)
        )
        for item in STUDY_PATHS.values()
        if item.study_range and strengths and item.applies(model.hidden_units)
    }
    return StudyPlan(tuple(family), paths, tuple(notes))


def config_overrides(variant: Variant, model: ModelConfig, training: TrainingConfig) -> list[str]:
    """Returns the values of `--set` with which `regpipe run` trains this variant; empty for the configured one.

    Args:
        variant: a variant of the study.
        model: the configured model, whose strengths may be auto.
        training: the configured training.
    """
    overrides: list[str] = []
    if variant.name == AS_CONFIGURED:
        return overrides
    for group, settings, configured in (
        ("model", variant.model, model.model_dump()),
        ("training", variant.training, training.model_dump()),
    ):
        for name, value in settings.model_dump().items():
            if value != configured[name]:
                overrides.append(f"{group}.{name}={_yaml_value(value)}")
    return overrides


def _yaml_value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _replace_zeros(model: ModelConfig, training: TrainingConfig) -> tuple[ModelConfig, float, int, list[str]]:
    """Returns model, weight decay and patience with their zeros replaced, and a note for each replacement.

    The weight decay stays 0 with SGD, because there it has the same effect as the L2 penalty.
    """
    replaced = {
        item: item.typical
        for item in MODEL_REGULARIZATIONS
        if item is not GROUP_L1 and item.applies(model.hidden_units) and not any(model.by_layer(item))
    }
    changes = {item.name: value for item, value in replaced.items()}
    decay, patience = training.weight_decay, training.early_stopping
    if not decay and training.optimizer != "sgd":
        decay = replaced[WEIGHT_DECAY] = WEIGHT_DECAY.typical
    if not patience:
        patience = replaced[EARLY_STOPPING] = int(EARLY_STOPPING.typical)
    notes = [f"{item.key} is 0: its variant uses {value:g} instead." for item, value in replaced.items()]
    return model.model_copy(update=changes), decay, patience, notes


def _spaced(strengths: StrengthRange, count: int) -> list[float]:
    """Returns `count` evenly spaced strengths, rounded, so that they are short enough to type."""
    low, high, logarithmic = strengths
    steps = [step / max(1, count - 1) for step in range(count)]
    if logarithmic:
        return [float(f"{low * (high / low) ** step:.1e}") for step in steps]
    return [round(low + step * (high - low), 2) for step in steps]


def _with(training: TrainingConfig, **changes: Any) -> TrainingConfig:
    return training.model_copy(update=changes)
