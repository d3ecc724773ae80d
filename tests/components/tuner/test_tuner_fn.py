"""The Tuner's search, from the call of tuner_fn to the files that TFX writes."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tfx.components.tuner import executor
from tfx.types import standard_artifacts

from components.common.errors import TrainingDiverged
from components.common.file_names import TRIALS_FILE
from components.common.ingest_record import IngestRecord, RowCounts
from components.common.tuning_record import Trial, parse_trials
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.config.tuning import TuningConfig
from components.trainer.run_fn import run_fn
from components.trainer.trainer_settings import TrainerSettings
from components.training.rows_input import ROWS
from components.training.stacked_training import train_stack
from components.tuner import search as search_module
from components.tuner.tuner_fn import tuner_fn
from components.tuner.tuner_settings import TunerSettings

Columns = Mapping[str, Sequence[float]]
Search = Callable[..., Path]
MODEL = ModelConfig(hidden_units=(4,), l2=0.25)
TRAINING = TrainingConfig(epochs=3, batch_size=2, learning_rate=0.0625, early_stopping=2, seed=7)
# For the 4 rows of the table: 4e-5 * 1,000 / 4 = 0.01.
TUNING = TuningConfig(l1=(0.0, 4e-5), dropout=(0.0, 0.75), tolerance=0.0)
FULL = {"l1": 0.01, "dropout": 0.75}


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, write_examples: Any, table: Columns, transformed: Any
) -> dict[str, Any]:
    """The input files in FnArgs: `table` for training, its first three rows for validation, and the graph."""
    root = tmp_path_factory.mktemp("examples")
    validation = {column: values[:3] for column, values in table.items()}
    found = {"transform_graph_path": transformed.transform_savedmodel_dir.removesuffix("/transform_fn")}
    for name, split, columns in (("train_files", "train", table), ("eval_files", "eval", validation)):
        (root / f"Split-{split}").mkdir()
        found[name] = [write_examples(root / f"Split-{split}" / "data.gz", columns)]
    rows = len(table["y"])
    IngestRecord(
        rows=RowCounts(train=rows, eval=3, test=1),
        features=tuple(name for name in table if name != "y"),
        label="y",
        negative_label="0",
        positive_label="1",
        digest="",
    ).write(str(root))
    return found


@pytest.fixture(scope="module")
def rows(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any], transformed: Any, transform_rows: Any
) -> str:
    """The folder of the transformed rows."""
    splits = {"train": files["train_files"][0], "eval": files["eval_files"][0]}
    found: str = transform_rows(tmp_path_factory.mktemp("rows"), transformed, splits)
    return found


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any], rows: str) -> Search:
    """Runs the search, lets TFX write the results, and returns the folder of both outputs."""

    def run(tuning: dict[str, Any] | None = None, **settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("tuner")
        given = {"label": "y", "model": MODEL, "training": TRAINING, "code_digest": "1", **settings}
        handed = TunerSettings(tuning=TUNING.model_copy(update=tuning or {}), **given)
        result = tuner_fn(
            SimpleNamespace(
                custom_config={"settings": handed.model_dump_json(), ROWS: rows},
                working_dir=str(folder / "notes"),
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


def chosen(folder: Path) -> Trial:
    (trial,) = [trial for trial in found(folder) if trial.chosen]
    return trial


def handed(folder: Path) -> dict[str, Any]:
    """Returns the hyperparameters as TFX passes them to the Trainer."""
    config: dict[str, Any] = json.loads(
        (folder / "best_hyperparameters" / "best_hyperparameters.txt").read_text()
    )
    return config


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "regpipe.progress"]


@pytest.fixture(scope="module")
def folder(search: Search) -> Path:
    return search()


def test_every_combination_is_tried(folder: Path) -> None:
    """A strength that is a number is not tuned. Without a tolerance the lowest loss is chosen, and handed on."""
    trials = found(folder)
    assert [trial.number for trial in trials] == [1, 2, 3, 4]
    assert [trial.strengths for trial in trials] == [
        {"l1": 0.0, "dropout": 0.0},
        {"l1": 0.0, "dropout": 0.75},
        {"l1": 0.01, "dropout": 0.0},
        FULL,
    ]
    assert chosen(folder).loss == min(trial.loss for trial in trials)
    assert handed(folder)["values"] == chosen(folder).strengths


def test_the_same_seed_finds_the_same(search: Search, folder: Path) -> None:
    """The files are equal; another seed of the training has other losses."""
    again, other = search(), search(training=TRAINING.model_copy(update={"seed": 8}))
    for name in ("tuner_results/tuner_results.json", "best_hyperparameters/best_hyperparameters.txt"):
        assert (again / name).read_text() == (folder / name).read_text()
    assert found(other)[0].loss != found(folder)[0].loss


def test_the_trainer_repeats_the_chosen_trial(
    folder: Path,
    files: dict[str, Any],
    rows: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """On the same rows it has the same validation loss, and it logs and writes the strengths."""
    monkeypatch.setattr("components.trainer.run_fn._export", lambda *given: None)  # needs files of ExampleGen
    settings = TrainerSettings(name="p", label="y", model=MODEL, training=TRAINING, code_digest="1")
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        run_fn(
            SimpleNamespace(
                custom_config={"settings": settings.model_dump_json(), ROWS: rows},
                serving_model_dir=str(tmp_path / "model" / "Format-Serving"),
                model_run_dir=str(tmp_path / "run"),
                hyperparameters=handed(folder),
                **files,
            )
        )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    lowest = min(epoch["val_log_loss"] for epoch in history)
    assert lowest == pytest.approx(chosen(folder).loss, abs=1e-5)
    strengths = handed(folder)["values"]
    assert json.loads((tmp_path / "run" / "tuned.json").read_text()) == strengths
    named = ", ".join(f"{name} {value:g}" for name, value in strengths.items())
    assert lines(caplog)[0] == f"trains with the Tuner's strengths: {named}"


def test_a_large_split_is_sampled(search: Search, caplog: pytest.LogCaptureFixture) -> None:
    """Of 4 rows every second one is read; penalties are half as strong for twice as many rows."""
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        trials = found(search(tuning={"max_rows": 2}))
    assert lines(caplog)[0] == "compares 4 networks on 2 of 4 rows"
    # On 2 rows l1 is 4e-5 * 1,000 / 2 = 0.02, so on 4 rows it is 0.01. The odds of 0.75 are 3: half of it is 1.5.
    assert trials[3].strengths == {"l1": 0.01, "dropout": 0.6}


def test_the_choice_is_shown(search: Search, caplog: pytest.LogCaptureFixture) -> None:
    """An epoch's line counts the networks in training; the last line has the strengths."""
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        trial = chosen(search())
    first, few, epoch, *_, last = lines(caplog)
    assert first == "compares 4 networks"
    assert few == "1 row of the rarer class to compare them on: the choice is not reliable"
    assert epoch.startswith("epoch 1/3: 4 networks in training, lowest validation log loss 0.")
    named = ", ".join(f"{name} {value:g}" for name, value in trial.strengths.items())
    assert last.startswith(f"chose {named}: validation log loss {trial.loss:.4f} (lowest ")


# With a penalty of w ** 2 a learning rate of 1e38 gives infinity.
DIVERGING = {
    "model": ModelConfig(hidden_units=(4,), l1=0.0, dropout=0.0),
    "training": TRAINING.model_copy(update={"optimizer": "sgd", "learning_rate": 1e38}),
}


def test_a_search_in_which_every_training_diverges_fails(search: Search) -> None:
    """The message contains the keys to change."""
    with pytest.raises(TrainingDiverged) as caught:
        search(**DIVERGING, tuning={"l2": (1e-3, 1e-2)})
    assert str(caught.value) == (
        "expected a finite validation loss of at least one of 2 networks, got none; try a lower training.learning_rate "
        "(now 1e+38, with training.optimizer sgd) or weaker strengths (tuning.l1, tuning.l2)."
    )


def test_a_diverged_training_is_recorded(search: Search) -> None:
    """Its loss is infinite in TFX's results, and another one is chosen."""
    settings = {
        "model": ModelConfig(hidden_units=(4,), l1=0.0, dropout=0.0),
        "training": TRAINING.model_copy(update={"optimizer": "sgd"}),
    }
    trials = found(search(**settings, tuning={"l2": (0.0, 1e30)}))
    assert [trial.chosen for trial in trials] == [True, False]
    assert trials[1].loss == math.inf


def test_an_error_ends_the_search(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(*given: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(search_module, "train_stack", disk_full)
    with pytest.raises(OSError, match=r"^disk full$"):
        search()


@pytest.mark.parametrize("optimizer", ["adamw", "proximal_adam"])
def test_other_optimizers(search: Search, optimizer: str) -> None:
    """The networks are trained as the Trainer trains them: with weight decay, under MirroredStrategy."""
    training = TRAINING.model_copy(
        update={"optimizer": optimizer, "weight_decay": 0.5, "strategy": "mirrored", "epochs": 1}
    )
    assert all(math.isfinite(trial.loss) for trial in found(search(training=training)))


def test_without_a_hidden_layer_every_network_is_fitted_exactly(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout does not apply, no stack is trained, and L1 sets weights to exactly 0."""
    monkeypatch.setattr(search_module, "train_stack", lambda *_: pytest.fail(str(train_stack)))
    trials = found(search(model=ModelConfig(hidden_units=(), l2=0.0), tuning={"l1": (4e-5, 4e-3)}))
    assert [trial.strengths for trial in trials] == [{"l1": 0.01}, {"l1": 1.0}]
    assert trials[1].zero_share == 1.0
