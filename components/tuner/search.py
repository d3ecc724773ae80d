"""Trains a network for each combination of strengths, all together, and chooses one combination."""

import logging
from functools import partial

import numpy as np

from components.common.errors import TrainingDiverged
from components.common.formatting import metric_label, named_values, number, percent, plural
from components.common.tuning_record import Trial
from components.config.model import ModelConfig
from components.config.training import NEWTON, TrainingConfig
from components.config.tuning import TuningConfig
from components.training.dataset import READ_BATCH_SIZE, Dataset
from components.training.logistic_regression import fit_together
from components.training.objective import objective_splits
from components.training.stacked_training import NetworkScores, train_stack
from components.training.throttle import throttled
from components.tuner.strengths import choose, combinations, for_all_rows

# With fewer rows, or rows of a class, a single row can decide which network is the best.
FEW_ROWS = 10

progress = logging.getLogger("regpipe.progress")


def search(
    model: ModelConfig,
    training: TrainingConfig,
    tuning: TuningConfig,
    train: Dataset,
    validation: Dataset,
    rows: int,
) -> list[Trial]:
    """Tries all combinations of the strengths that are auto.

    Args:
        model: the configured network.
        training: the configured training.
        tuning: the values to try.
        train: the rows to train on: the training split or a sample of it.
        validation: the rows to compare the networks on: the validation split or a sample of it.
        rows: the rows of the whole training split.

    Returns:
        A trial for each combination; one of them is chosen.

    Raises:
        TrainingDiverged: every training diverged.
    """
    tried = combinations(model, tuning, train.rows)
    sample = f" on {train.rows:,} of {rows:,} rows" if train.rows < rows else ""
    progress.info("compares %s%s", plural(len(tried), "network"), sample)
    output = training.objective.output
    of_class = "" if output.is_scaled or output.per_class else " of the rarer class"
    fewest = _rows_of_rarer_class(validation) if of_class else validation.rows
    if fewest < FEW_ROWS:
        text = "%s%s to compare them on: the choice is not reliable"
        progress.info(text, plural(fewest, "row"), of_class)
    scores = _scores([model.with_strengths(strengths) for strengths in tried], training, train, validation)
    if not np.isfinite(scores.mean_loss).any():
        raise TrainingDiverged(
            f"expected a finite validation loss of at least one of {plural(len(tried), 'network')}, got none; try a "
            f"lower training.learning_rate (now {training.learning_rate:g}, with training.optimizer "
            f"{training.optimizer}) or weaker strengths (tuning.l1, tuning.l2)."
        )
    chosen = choose(scores.losses, scores.zero_share, tuning.tolerance, scores.row_weights)
    trials = [
        Trial(
            number=index + 1,
            metric=training.objective.name,
            loss=float(scores.mean_loss[index]),
            zero_share=float(scores.zero_share[index]),
            chosen=index == chosen,
            strengths=for_all_rows(strengths, train.rows, rows),
        )
        for index, strengths in enumerate(tried)
    ]
    progress.info(
        "chose %s: validation %s %s (lowest %s), %s of the weights are zero",
        named_values(trials[chosen].strengths),
        metric_label(training.objective.name),
        number(trials[chosen].loss),
        number(min(trial.loss for trial in trials)),
        percent(trials[chosen].zero_share, 0),
    )
    return trials


def _scores(
    networks: list[ModelConfig], training: TrainingConfig, train: Dataset, validation: Dataset
) -> NetworkScores:
    training = training.with_optimizer(networks[0].hidden_units)
    train, validation = objective_splits(train, validation, training)
    run = fit_together if training.optimizer == NEWTON else train_stack
    return run(
        networks,
        training,
        train,
        validation,
        throttled(partial(_show, metric_label(training.objective.name))),
    )


def _show(loss: str, text: str, lowest: float) -> None:
    progress.info("%s, lowest validation %s %s", text, loss, number(lowest))


def _rows_of_rarer_class(data: Dataset) -> int:
    positives = sum(int(np.count_nonzero(part.labels)) for part in data.batches(READ_BATCH_SIZE))
    return min(positives, data.rows - positives)
