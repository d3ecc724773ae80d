"""What a study trains: the family of regularizations, each alone and together, and paths of strengths."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.study.study_record import NONE

ALL = "all"
PENALTIES = ("l1", "l2", "dropout")
LOWEST, HIGHEST = 1e-5, 1e-2  # of l1 and l2: from no effect to a network of zeros, on tables of 20 features
LOWEST_RATE, HIGHEST_RATE = 0.1, 0.8
# In place of a weight decay of 0. With it AdamW keeps weights between about -1 and 1, whatever the learning rate: its
# step is hardly longer than learning_rate, of which the decay takes learning_rate * weight_decay * |w| back.
WEIGHT_DECAY = 1.0


class Variant(NamedTuple):
    """A training of the study; `strength` is its place on a path."""

    name: str
    model: ModelConfig
    training: TrainingConfig
    strength: float | None = None


class StudyPlan(NamedTuple):
    """What is to be trained.

    Attributes:
        family: none, each regularization alone, elastic net, and all as configured.
        paths: by penalty ("l1", "l2", "dropout"), that penalty alone from weak to strong.
        notes: a sentence for each choice that the configuration does not explain.
    """

    family: tuple[Variant, ...]
    paths: Mapping[str, tuple[Variant, ...]]
    notes: tuple[str, ...]


def plan_study(model: ModelConfig, training: TrainingConfig, strengths: int) -> StudyPlan:
    """The trainings of a study.

    "none" is what BaselineTrainer trains and "all" what Trainer trains. In between, one thing at a time is taken from
    the configuration. All but "early stopping" and "all" run through every epoch: early stopping would hide what a
    penalty does by itself. L1 is there twice, by gradient and with the proximal step that makes weights exactly 0;
    where it is one of several, on its path and in the elastic net, the step is proximal. SGD has no proximal step here.

    Args:
        model: as configured; a strength of 0 is replaced by the default's, so that its row means something.
        training: as configured.
        strengths: how many on each path; 0: no paths.
    """
    meant, decay, patience, notes = _stand_ins(model, training)
    bare, plain = model.without_regularization(), training.without_regularization()
    exact = plain if plain.optimizer == "sgd" else _with(plain, optimizer="proximal_adam")
    if plain.optimizer == "sgd":
        notes.append(
            "training.optimizer is sgd, which has no proximal step: L1 leaves weights near 0, not at 0."
        )
    by_gradient = _with(plain, optimizer="adam") if plain.optimizer == "proximal_adam" else plain

    def only(*names: str) -> ModelConfig:
        return bare.model_copy(update={name: getattr(meant, name) for name in names})

    family = [Variant(NONE, bare, plain), Variant("L1, gradient", only("l1"), by_gradient)]
    if exact is not plain or plain.optimizer == "proximal_adam":
        family.append(Variant("L1, proximal", only("l1"), exact))
    family += [Variant("L2", only("l2"), plain), Variant("elastic net", only("l1", "l2"), exact)]
    if model.hidden_units:
        family.append(Variant("dropout", only("dropout"), plain))
    if decay:
        decaying = _with(plain, optimizer="adamw") if plain.optimizer == "adam" else plain
        family.append(Variant("weight decay", bare, _with(decaying, weight_decay=decay)))
    family += [
        Variant("early stopping", bare, _with(plain, early_stopping=patience)),
        Variant(ALL, model, training),
    ]
    paths = {
        penalty: tuple(
            Variant(
                f"{penalty} = {strength:g}",
                bare.model_copy(update={penalty: strength}),
                exact if penalty == "l1" else plain,
                strength,
            )
            for strength in _strengths(penalty, strengths)
        )
        for penalty in PENALTIES
        if strengths and (model.hidden_units or penalty != "dropout")
    }
    return StudyPlan(tuple(family), paths, tuple(notes))


def config_overrides(variant: Variant, model: ModelConfig, training: TrainingConfig) -> list[str]:
    """What to write behind `--set` so that `regpipe run` trains this variant; nothing for the configuration itself."""
    found = []
    for group, ours, theirs in (("model", variant.model, model), ("training", variant.training, training)):
        configured = theirs.model_dump()
        for name, value in ours.model_dump().items():
            if value != configured[name]:
                found.append(f"{group}.{name}={_written(value)}")
    return found


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _stand_ins(model: ModelConfig, training: TrainingConfig) -> tuple[ModelConfig, float, int, list[str]]:
    """The penalties, the weight decay and the patience that the rows have, none of them 0, and what was replaced."""
    given: dict[str, Any] = {"l1": model.l1_by_layer(), "l2": model.l2_by_layer()}
    if model.hidden_units:
        given["dropout"] = model.dropout_by_layer()
    replaced = {
        f"model.{name}": ModelConfig.model_fields[name].default
        for name, values in given.items()
        if not any(values)
    }
    changes = {name.removeprefix("model."): value for name, value in replaced.items()}
    decay, patience = training.weight_decay, training.early_stopping
    if not decay and training.optimizer != "sgd":  # for SGD it is the L2 penalty over again
        decay = replaced["training.weight_decay"] = WEIGHT_DECAY
    if not patience:
        patience = replaced["training.early_stopping"] = TrainingConfig.model_fields["early_stopping"].default
    notes = [
        f"{name} is 0 in the configuration: its row has {value:g} instead."
        for name, value in replaced.items()
    ]
    return model.model_copy(update=changes), decay, patience, notes


def _strengths(penalty: str, count: int) -> list[float]:
    """Evenly spaced, for l1 and l2 in their logarithms; rounded, so that people can type them."""
    steps = [step / max(1, count - 1) for step in range(count)]
    if penalty == "dropout":
        return [round(LOWEST_RATE + step * (HIGHEST_RATE - LOWEST_RATE), 2) for step in steps]
    return [float(f"{LOWEST * (HIGHEST / LOWEST) ** step:.1e}") for step in steps]


def _with(training: TrainingConfig, **changes: Any) -> TrainingConfig:
    return training.model_copy(update=changes)
