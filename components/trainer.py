"""Trainer and BaselineTrainer: read, fit under a strategy, export. One run_fn for both."""

import json
import logging
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.checkpoints import Checkpoints, training_digest
from components.config import ModelConfig, Settings, TrainingConfig
from components.fitting import fit
from components.model import build_model
from components.servable import export
from components.transform import feature_names
from components.vectors import Vectors, read_vectors
from components.weights import WEIGHTS_FILE, sparsity_line, weight_report

progress = logging.getLogger("regpipe.progress")


class TrainerSettings(Settings):
    """What a trainer is handed as its custom_config: only what it needs, so that only that reruns it."""

    label: str
    model: ModelConfig
    training: TrainingConfig
    code_digest: str
    # Where a training that is cut off leaves its state for the next; None: nowhere. Not in the step's own folder, which
    # TFX removes when the step fails.
    checkpoint_dir: str | None = None

    def without_regularization(self) -> "TrainerSettings":
        """The baseline's."""
        return self.model_copy(
            update={
                "model": self.model.without_regularization(),
                "training": self.training.without_regularization(),
            }
        )


def run_fn(fn_args: Any) -> None:
    """Trains one network and exports it (TFX calls this; `fn_args` is a tfx FnArgs).

    Writes the SavedModel to `fn_args.serving_model_dir`, and to `fn_args.model_run_dir` the history by epoch
    (`history.json`), what became of the weights (`weights.json`) and the logs for TensorBoard. A run that was killed is
    taken up where its last checkpoint is; once the model is exported the checkpoints are removed.
    """
    settings = TrainerSettings.model_validate_json(fn_args.custom_config["settings"])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    train = read_vectors(fn_args.train_files, transform, settings.label)
    validation = read_vectors(fn_args.eval_files, transform, settings.label)
    checkpoints = _checkpoints(settings, train, validation)
    run_dir = Path(fn_args.model_run_dir)
    keras.utils.set_random_seed(settings.training.seed)
    with choose_strategy(settings.training.strategy).scope():
        model = build_model(train.features.shape[1], settings.model)
        fit(model, train, validation, settings.training, run_dir, checkpoints)
    report = weight_report(model, feature_names(transform.raw_feature_spec(), settings.label))
    (run_dir / WEIGHTS_FILE).write_text(json.dumps(report, indent=1))
    sparsity = sparsity_line(report)
    if sparsity:
        progress.info(sparsity)
    export(model, transform, settings.label, fn_args.serving_model_dir)
    if checkpoints:
        checkpoints.clear()


def _checkpoints(settings: TrainerSettings, train: Vectors, validation: Vectors) -> Checkpoints | None:
    """Those of this training: another one with the same settings, code, data and TensorFlow ends as this one does."""
    if settings.checkpoint_dir is None:
        return None
    text = f"{tf.__version__} {keras.__version__} {settings.model_dump_json(exclude={'checkpoint_dir'})}"
    return Checkpoints(Path(settings.checkpoint_dir) / training_digest(text, [*train, *validation]))


def choose_strategy(name: str) -> tf.distribute.Strategy:
    """'mirrored': MirroredStrategy over all GPUs (over the CPU without one); 'auto': that only where there is a GPU.

    With one CPU replica MirroredStrategy is two to three times slower than the default strategy.
    """
    if name == "mirrored" or (name == "auto" and tf.config.list_physical_devices("GPU")):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
