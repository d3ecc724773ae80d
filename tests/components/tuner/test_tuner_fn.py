"""The Tuner's search, from the call of tuner_fn to the files that TFX writes."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras_tuner
import pytest
from tfx.components.tuner import executor
from tfx.types import standard_artifacts

from components.common.file_names import TRIALS_FILE
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.config.tuning import TuningConfig
from components.trainer.run_fn import run_fn
from components.trainer.trainer_settings import TrainerSettings
from components.training.hyperparameters import Trial, parse_trials
from components.tuner.tuner_fn import TunerSettings, trial_loss, tuner_fn

Columns = Mapping[str, Sequence[float]]
Search = Callable[..., Path]
MODEL = ModelConfig(hidden_units=(4,), l1=0.5, l2=0.25, dropout=0.5)
TRAINING = TrainingConfig(epochs=3, batch_size=2, learning_rate=0.0625, early_stopping=2, seed=7)
TUNING = TuningConfig(trials=3, l1=(0.0, 0.5), l2=(0.0, 0.125), dropout=(0.0, 0.75), learning_rate=(0.03125,))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, write_examples: Any, table: Columns) -> dict[str, Any]:
    """The input files in FnArgs: `table` for training, its first three rows for validation."""
    root = tmp_path_factory.mktemp("examples")
    validation = {column: values[:3] for column, values in table.items()}
    return {
        "train_files": [write_examples(root / "train.gz", table)],
        "eval_files": [write_examples(root / "eval.gz", validation)],
    }


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any], transformed: Any) -> Search:
    """Runs the search, lets TFX write the results, and returns the folder of both outputs."""

    def run(working_dir: Path | None = None, tuning: dict[str, Any] | None = None, **settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("tuner")
        given = {"label": "y", "model": MODEL, "training": TRAINING, "code_digest": "1", **settings}
        handed = TunerSettings(tuning=TUNING.model_copy(update=tuning or {}), **given)
        result = tuner_fn(
            SimpleNamespace(
                custom_config={"settings": handed.model_dump_json()},
                transform_graph_path=transformed.transform_savedmodel_dir.removesuffix("/transform_fn"),
                working_dir=str(working_dir or folder / "notes"),
                **files,
            )
        )
        result.tuner.search(**result.fit_kwargs)
        kinds = {
            "best_hyperparameters": standard_artifacts.HyperParameters,
            "tuner_results": standard_artifacts.TunerResults,
        }
        outputs = {name: [kind()] for name, kind in kinds.items()}
        for name, (artifact,) in outputs.items():
            artifact.uri = str(folder / name)
        executor.write_best_hyperparameters(result.tuner, outputs)
        return folder

    return run


def found(folder: Path) -> list[Trial]:
    return parse_trials((folder / "tuner_results" / TRIALS_FILE).read_text())


def best(folder: Path) -> dict[str, Any]:
    """Returns the best hyperparameters as TFX passes them to the trainers."""
    config: dict[str, Any] = json.loads(
        (folder / "best_hyperparameters" / "best_hyperparameters.txt").read_text()
    )
    return config


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "regpipe.progress"]


@pytest.fixture(scope="module")
def folder(search: Search) -> Path:
    return search()


def test_the_first_trial_is_the_configuration_and_the_others_are_drawn(folder: Path) -> None:
    """Each combination is tried once; values come from the lists and the configuration; the lowest loss is the best."""
    by_number = sorted(found(folder))
    assert [trial.number for trial in by_number] == [1, 2, 3]
    assert by_number[0].values == {"l1": 0.5, "l2": 0.25, "dropout": 0.5, "learning_rate": 0.0625}
    for trial in by_number:
        assert trial.values["l1"] in (0.0, 0.5)
        assert trial.values["l2"] in (0.0, 0.125, 0.25)
        assert trial.values["dropout"] in (0.0, 0.5, 0.75)
        assert trial.values["learning_rate"] in (0.03125, 0.0625)
    assert len({tuple(trial.values.values()) for trial in by_number}) == 3
    winner = min(by_number, key=lambda trial: trial.log_loss)
    assert found(folder)[0] == winner
    assert best(folder)["values"] == winner.values


def test_the_same_seed_finds_the_same(search: Search, folder: Path) -> None:
    """Each loss is equal to the last digit; another seed draws other trials."""
    again, other = search(), search(tuning={"seed": 2, "trials": 2})
    for name in ("tuner_results/tuner_results.json", "best_hyperparameters/best_hyperparameters.txt"):
        assert (again / name).read_text() == (folder / name).read_text()
    first, second = sorted(found(folder)), sorted(found(other))
    assert first[0] == second[0]
    assert first[1].values != second[1].values


def test_the_trainer_repeats_the_best_trial(
    folder: Path,
    files: dict[str, Any],
    transformed: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With its values and the same seed it has the same validation loss, and it logs and writes the values."""
    monkeypatch.setattr("components.trainer.run_fn._export", lambda *given: None)  # needs files of ExampleGen
    settings = TrainerSettings(name="p", label="y", model=MODEL, training=TRAINING, code_digest="1")
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        run_fn(
            SimpleNamespace(
                custom_config={"settings": settings.model_dump_json()},
                transform_graph_path=transformed.transform_savedmodel_dir.removesuffix("/transform_fn"),
                model_run_dir=str(tmp_path / "run"),
                hyperparameters=best(folder),
                **files,
            )
        )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert min(epoch["val_log_loss"] for epoch in history) == found(folder)[0].log_loss
    values = best(folder)["values"]
    assert json.loads((tmp_path / "run" / "tuned.json").read_text()) == values
    named = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in values.items())
    assert lines(caplog)[0] == f"trains with the Tuner's values: {named}"


def test_one_line_for_each_trial(search: Search, caplog: pytest.LogCaptureFixture) -> None:
    """Epochs have no lines. The search ends after all combinations; a new search in the same folder starts again."""
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        folder = search(tuning={"trials": 50, "l1": (), "l2": (), "dropout": ()})
        first, second = sorted(found(folder))
        assert lines(caplog) == [
            f"trial 1 of 2: learning rate 0.0625, validation log loss {first.log_loss:.4f}; "
            f"best so far {first.log_loss:.4f} (trial 1)",
            f"trial 2 of 2: learning rate 0.03125, validation log loss {second.log_loss:.4f}; "
            f"best so far {min(first, second, key=lambda t: t.log_loss).log_loss:.4f} "
            f"(trial {found(folder)[0].number})",
        ]
        caplog.clear()
        search(folder / "notes", tuning={"trials": 1})
        assert [line[:13] for line in lines(caplog)] == ["trial 1 of 1:"]


# With a penalty of w ** 2 a learning rate of 1e38 gives infinity.
DIVERGING = {
    "model": ModelConfig(hidden_units=(), l1=0.0, l2=1.0),
    "training": TRAINING.model_copy(update={"optimizer": "sgd", "learning_rate": 1e38}),
}


def test_a_diverging_trial_is_not_the_best_and_does_not_end_the_search(
    search: Search, caplog: pytest.LogCaptureFixture
) -> None:
    """The next trial is the best; the first has an infinite loss in TFX's results."""
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        folder = search(**DIVERGING, tuning={"trials": 2, "l1": (), "l2": ()})
    assert [trial.number for trial in found(folder)] == [2, 1]
    assert found(folder)[1].log_loss == math.inf
    assert best(folder)["values"] == {"learning_rate": 0.03125}
    shown = lines(caplog)
    assert shown[0] == "trial 1 of 2: learning rate 1e+38, the training diverged"
    assert shown[1].endswith(f"; best so far {found(folder)[0].log_loss:.4f} (trial 2)")


def test_a_search_in_which_every_trial_diverges_fails(search: Search) -> None:
    """The message contains the key to change."""
    with pytest.raises(ValueError, match="tuning") as caught:
        search(**DIVERGING, tuning={"trials": 1})
    assert str(caught.value) == (
        "tuning: expected a trial with a finite loss, got none in 1 of 1; try lower values of "
        "tuning.learning_rate."
    )


def disk_full(*given: Any) -> None:
    raise OSError("disk full")


def test_an_error_ends_the_search(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise KerasTuner would continue, and return the best of the remaining trials."""
    monkeypatch.setattr("components.tuner.tuner_fn.train_network", disk_full)
    with pytest.raises(keras_tuner.errors.FatalError, match=r"^OSError: disk full$"):
        search()


@pytest.mark.parametrize(
    ("history", "early_stopping", "loss"),
    [
        ([0.5, 0.25, 0.75], True, 0.25),
        ([0.5, 0.25, 0.75], False, 0.75),
        ([0.5, math.nan], True, math.inf),
        ([0.5, math.inf], False, math.inf),
    ],
)
def test_the_loss_of_a_trial(history: list[float], early_stopping: bool, loss: float) -> None:
    """It is the loss of the final weights: those of the best epoch with early stopping, else of the last."""
    epochs = [{"loss": 1.0, "val_log_loss": value} for value in history]
    assert trial_loss(epochs, early_stopping=early_stopping) == loss


@pytest.mark.parametrize("optimizer", ["adamw", "proximal_adam"])
def test_other_optimizers(search: Search, optimizer: str) -> None:
    """A trial trains like the Trainer: with weight decay, without hidden layers, under MirroredStrategy."""
    training = TRAINING.model_copy(
        update={"optimizer": optimizer, "weight_decay": 0.5, "strategy": "mirrored", "epochs": 1}
    )
    (trial,) = found(search(model=ModelConfig(hidden_units=()), training=training, tuning={"trials": 1}))
    assert set(trial.values) == {"l1", "l2", "learning_rate"}
    assert math.isfinite(trial.log_loss)
