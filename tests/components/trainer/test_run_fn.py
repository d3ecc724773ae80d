"""run_fn, called as TFX calls it, turns files of tf.Examples into the SavedModel and the history."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.common.calibration_record import CalibrationRecord
from components.common.file_names import CARD_FILE
from components.common.ingest_record import IngestRecord, RowCounts
from components.common.model_files import model_digest
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.saved_model.warmup import replay
from components.tasks.binary import BINARY
from components.trainer.run_fn import _checkpoints, run_fn
from components.trainer.trainer_settings import TrainerSettings
from components.training import checkpoints, loop
from components.training.calibration import recalibration_line
from components.training.dataset import InMemoryDataset
from components.training.rows_input import ROWS
from components.training.strategy import choose_strategy

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
Train = Callable[..., Path]
MODEL = ModelConfig(hidden_units=(4,), dropout=0.5, l1=1e-4, l2=1e-3)
TRAINING = TrainingConfig(epochs=3, batch_size=2, learning_rate=0.05, early_stopping=0)
INGEST = IngestRecord(
    rows=RowCounts(train=4, eval=3, test=0),
    features=("a", "b"),
    label="y",
    negative_label="no",
    positive_label="yes",
    missing_values=("",),
    digest="0123",
)
NOTHING = InMemoryDataset(np.zeros((0, 3), np.float32), np.zeros((0, 1), np.float32))


@pytest.fixture(scope="module")
def train(
    tmp_path_factory: pytest.TempPathFactory,
    write_examples: WriteExamples,
    transform_rows: Callable[..., str],
    transformed: Any,
    table: Columns,
) -> Train:
    """Trains on `table`, validates on its first three rows, and returns the folder of both outputs."""
    root = tmp_path_factory.mktemp("trainer")

    def run(name: str, model: ModelConfig = MODEL, columns: Columns = table, **training: Any) -> Path:
        examples = root / name / "examples"
        validation = {column: values[:3] for column, values in columns.items()}
        train_file = write_examples(examples / "Split-train" / "train.gz", columns)
        eval_file = write_examples(examples / "Split-eval" / "eval.gz", validation)
        INGEST.write(str(examples))
        settings = TrainerSettings(
            name="pipeline",
            label="y",
            model=model,
            training=TRAINING.model_copy(update=training),
            code_digest="1",
            checkpoint_dir=str(root / "checkpoints"),
        )
        rows = transform_rows(root / name / "rows", transformed, {"train": train_file, "eval": eval_file})
        run_fn(
            SimpleNamespace(
                custom_config={"settings": settings.model_dump_json(), ROWS: rows},
                transform_graph_path=transformed.transform_savedmodel_dir.removesuffix("/transform_fn"),
                train_files=[train_file],
                serving_model_dir=str(root / name / "model"),
                model_run_dir=str(root / name / "run"),
                hyperparameters=None,
            )
        )
        return root / name

    return run


def scores(folder: Path, table: Columns) -> list[float]:
    """Returns the exported model's predictions for the rows of the table."""
    signature = tf.saved_model.load(str(folder / "model")).signatures["serving_default"]
    names = {name: "f___price___a_b___x___script_" if name.startswith("Δ") else name for name in table}
    raw = {names[name]: tf.constant(column) for name, column in table.items() if name != "y"}
    result: list[float] = signature(**raw)["probability"].numpy().tolist()
    return result


@pytest.fixture(scope="module")
def folder(train: Train) -> Path:
    return train("one")


def test_the_trained_network_is_exported(folder: Path, table: Columns) -> None:
    """The last epoch's validation log loss equals that of the exported model's predictions."""
    history = json.loads((folder / "run" / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    p = np.array(scores(folder, table)[:3])
    log_loss = -np.mean(np.log([1 - p[0], p[1], 1 - p[2]]))
    assert history[-1]["val_log_loss"] == pytest.approx(log_loss, rel=1e-5)
    assert (folder / "run" / "tensorboard").is_dir()
    assert not (folder / "run" / "tuned.json").exists()
    assert not (folder / "run" / "calibration.json").exists()


def test_the_exported_model_has_warm_up_requests_and_a_card(folder: Path) -> None:
    """It answers the requests, and the card contains its data and settings."""
    assert replay(str(folder / "model")) == 6
    card = json.loads((folder / "model" / CARD_FILE).read_text())
    assert card["name"] == "pipeline"
    assert card["label"] == {"name": "y", "negative": "no", "positive": "yes", "classes": ["no", "yes"]}
    assert card["data"] == {
        "digest": "0123",
        "rows": {"train": 4, "eval": 3, "test": 0},
        "missing_values": [""],
        "decimal": ".",
        "thousands": "",
        "booleans": [],
        "weight": None,
        "split": None,
    }
    assert card["settings"] == {
        "model": MODEL.model_dump(mode="json"),
        "training": TRAINING.for_task(BINARY).model_dump(mode="json"),
    }


def test_the_seed_reaches_weights_shuffling_and_dropout(train: Train, folder: Path, table: Columns) -> None:
    """Equal settings give equal models, another seed gives another model."""
    assert scores(folder, table) == scores(train("again"), table)
    assert scores(folder, table) != scores(train("other", seed=7), table)


def test_mirrored_is_the_same_model(train: Train, table: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model trained under MirroredStrategy, on one device, has the same predictions."""
    seen = []

    def run_training_loop(*given: Any) -> Any:
        seen.append(type(tf.distribute.get_strategy()).__name__)
        return loop.run_training_loop(*given)

    monkeypatch.setattr("components.training.train.run_training_loop", run_training_loop)
    plain, mirrored = (
        train(name, MODEL.without_regularization(), strategy=name) for name in ("none", "mirrored")
    )
    assert seen == ["_DefaultDistributionStrategy", "MirroredStrategy"]
    np.testing.assert_allclose(scores(mirrored, table), scores(plain, table), atol=1e-5)


@pytest.mark.parametrize("strategy", ["none", "mirrored"])
def test_the_exported_model_is_recalibrated(
    train: Train, table: Columns, caplog: pytest.LogCaptureFixture, strategy: str
) -> None:
    """With class weights, the log loss of its predictions is the one that calibration.json and the log name."""
    rare = {**table, "y": [0, 1, 0, 0]}
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        folder = train(f"rare {strategy}", columns=rare, class_weight="balanced", strategy=strategy)
    record = CalibrationRecord.read(str(folder / "run"))
    p = np.array(scores(folder, table)[:3])
    assert record.rows == 3
    assert record.after.log_loss == pytest.approx(-np.mean(np.log([1 - p[0], p[1], 1 - p[2]])), rel=1e-5)
    assert record.after.mean == pytest.approx(p.mean(), rel=1e-5)
    assert record.before.mean != pytest.approx(p.mean(), rel=1e-2)
    assert recalibration_line(record) in lines(caplog)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Returns the progress lines since the last call."""
    found = [record.getMessage() for record in caplog.records if record.name == "regpipe.progress"]
    caplog.clear()
    return found


def test_the_report_on_the_weights(folder: Path) -> None:
    """weights.json contains the layers, and the norm of each feature with its raw name, in the order of the vector."""
    report = json.loads((folder / "run" / "weights.json").read_text())
    assert [feature["name"] for feature in report["features"]] == ["a", "b", "Δ-price. 'a/b' \"x\" <script>"]
    assert [(layer["name"], layer["weights"]) for layer in report["layers"]] == [
        ("hidden_1", 12),
        ("probability", 4),
    ]
    assert sum(feature["norm"] ** 2 for feature in report["features"]) == pytest.approx(
        report["layers"][0]["l2_norm"] ** 2
    )
    assert report["dropped"] == []


def test_dropped_features_are_shown(train: Train, caplog: pytest.LogCaptureFixture) -> None:
    """If proximal L1 sets all weights to 0, a progress line reports it; with subgradients there is no such line."""
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        folder = train("proximal", MODEL.model_copy(update={"l1": 100.0}), optimizer="proximal_adam")
        assert lines(caplog)[-1] == "0 of 3 features kept; 100% of the weights are zero"
        train("subgradient", MODEL.model_copy(update={"l1": 100.0}), optimizer="adam")
        assert [line.split()[0] for line in lines(caplog)] == ["epoch"] * 3
    report = json.loads((folder / "run" / "weights.json").read_text())
    assert report["dropped"] == ["a", "b", "Δ-price. 'a/b' \"x\" <script>"]


def test_the_strengths_of_the_tuner_replace_those_that_are_auto(tmp_path: Path) -> None:
    """Only the candidate has them; the baseline has no regularization, so it does not wait for the Tuner."""
    model = ModelConfig(hidden_units=(4,), l2=0.5)
    candidate = TrainerSettings(name="pipeline", label="y", model=model, training=TRAINING, code_digest="1")
    tuned = candidate.with_strengths({"l1": 0.25, "dropout": 0.125})
    assert (tuned.model.l1, tuned.model.l2, tuned.model.dropout) == (0.25, 0.5, 0.125)
    assert tuned.training == TRAINING
    baseline = candidate.without_regularization().model
    assert (baseline.l1, baseline.l2, baseline.dropout) == (0, 0, 0)


def disk_full(*given: Any) -> None:
    raise OSError("disk full")


def test_a_failed_run_is_resumed(
    train: Train,
    folder: Path,
    table: Columns,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Only a run with the same settings and data resumes; it ends with the same files of the model."""
    leftovers = folder.parent / "checkpoints"
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr("components.training.throttle.MIN_INTERVAL_TO_DURATION", 1)
    with caplog.at_level(logging.INFO, "regpipe.progress"):
        with monkeypatch.context() as patch:
            patch.setattr("components.trainer.run_fn.export", disk_full)
            with pytest.raises(OSError, match="disk full"):
                train("failed")
        lines(caplog)
        assert len(list(leftovers.iterdir())) == 1
        train("different", seed=3)
        assert [line[:9] for line in lines(caplog)] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
        assert len(list(leftovers.iterdir())) == 1
        again = train("resumed")
        assert lines(caplog) == ["resumes after epoch 3, where an earlier run was interrupted"]
    assert list(leftovers.iterdir()) == []
    assert scores(again, table) == scores(folder, table)
    assert model_digest(str(again / "model")) == model_digest(str(folder / "model"))
    for name in ("history.json", "weights.json"):
        assert (again / "run" / name).read_text() == (folder / "run" / name).read_text()


def test_no_checkpoint_folder() -> None:
    """Without a folder there are no checkpoints."""
    settings = TrainerSettings(name="pipeline", label="y", model=MODEL, training=TRAINING, code_digest="1")
    assert settings.checkpoint_dir is None
    assert _checkpoints(settings, NOTHING, NOTHING) is None


def test_the_name_of_a_training_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    """It depends on settings, code and data, but not on the location of the checkpoints."""

    def name(**changed: Any) -> str:
        given = {
            "name": "pipeline",
            "label": "y",
            "model": MODEL,
            "training": TRAINING,
            "code_digest": "1",
            **changed,
        }
        settings = TrainerSettings(checkpoint_dir=str(tmp_path), **given)
        found = _checkpoints(settings, NOTHING, NOTHING)
        assert found is not None
        return Path(found.folder).name

    others = [
        name(code_digest="2"),
        name(model=MODEL.without_regularization()),
        name(model=MODEL.model_copy(update={"l1": 0.5})),
        name(training=TRAINING.model_copy(update={"seed": 1})),
    ]
    assert len({name(), *others}) == 5
    elsewhere = TrainerSettings(
        name="pipeline",
        label="y",
        model=MODEL,
        training=TRAINING,
        code_digest="1",
        checkpoint_dir="/elsewhere",
    )
    found = _checkpoints(elsewhere, NOTHING, NOTHING)
    assert found is not None
    assert found.folder == f"/elsewhere/{name()}"


def test_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    """'auto' is MirroredStrategy if there are several GPUs; the other two values do not depend on GPUs.

    Op determinism is enabled with a GPU, unless the key is off.
    """
    mirrored, plain = "MirroredStrategy", "_DefaultDistributionStrategy"
    enabled: list[bool] = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: enabled.append(True))

    def names(**keys: Any) -> dict[str, str]:
        settings = {name: TrainingConfig(strategy=name, **keys) for name in ("auto", "mirrored", "none")}
        return {name: type(choose_strategy(chosen)).__name__ for name, chosen in settings.items()}

    # The machine appears to have no GPU, then one, then two.
    gpus: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    assert names() == {"auto": plain, "mirrored": mirrored, "none": plain}
    assert not enabled
    gpus.append("GPU:0")
    assert names() == {"auto": plain, "mirrored": mirrored, "none": plain}
    assert len(enabled) == 3
    gpus.append("GPU:1")
    assert names() == {"auto": mirrored, "mirrored": mirrored, "none": plain}
    assert len(enabled) == 6
    names(deterministic=False)
    assert len(enabled) == 6
