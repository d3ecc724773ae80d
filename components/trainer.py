"""Trainer and BaselineTrainer: read, fit under a strategy, export. One run_fn for both."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.config import ModelConfig, Settings, TrainingConfig
from components.fitting import fit
from components.model import build_model
from components.servable import export
from components.vectors import read_vectors


class TrainerSettings(Settings):
    """What a trainer is handed as its custom_config: only what it needs, so that only that reruns it."""

    label: str
    model: ModelConfig
    training: TrainingConfig
    code_digest: str


def run_fn(fn_args: Any) -> None:
    """Trains one network and exports it (TFX calls this; `fn_args` is a tfx FnArgs).

    Writes the SavedModel to `fn_args.serving_model_dir`, and to `fn_args.model_run_dir` the history by epoch
    (`history.json`) and the logs for TensorBoard.
    """
    settings = TrainerSettings.model_validate_json(fn_args.custom_config["settings"])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    train = read_vectors(fn_args.train_files, transform, settings.label)
    validation = read_vectors(fn_args.eval_files, transform, settings.label)
    keras.utils.set_random_seed(settings.training.seed)
    with choose_strategy(settings.training.strategy).scope():
        model = build_model(train.features.shape[1], settings.model)
        fit(model, train, validation, settings.training, Path(fn_args.model_run_dir))
    export(model, transform, settings.label, fn_args.serving_model_dir)


def choose_strategy(name: str) -> tf.distribute.Strategy:
    """'mirrored': MirroredStrategy over all GPUs (over the CPU without one); 'auto': that only where there is a GPU.

    With one CPU replica MirroredStrategy is two to three times slower than the default strategy.
    """
    if name == "mirrored" or (name == "auto" and tf.config.list_physical_devices("GPU")):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
