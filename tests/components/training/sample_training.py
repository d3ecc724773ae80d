"""Trains the network of the defaults on the sample."""

from pathlib import Path
from typing import Any

import keras
from sklearn.metrics import roc_auc_score

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.training.dataset import InMemoryDataset
from components.training.loop import run_training_loop
from components.training.network import build_model
from components.training.weight_report import weight_report


def zeros_and_auc(sample: dict[str, Any], l1: float, run_dir: Path) -> tuple[float, float]:
    """Trains the defaults with proximal Adam; returns the fraction of exact zeros, and the AUC on the test rows."""
    keras.utils.set_random_seed(42)
    model = build_model(20, ModelConfig(l1=l1, l2=1e-3, dropout=0.2))
    train, validation = (InMemoryDataset(sample[f"x{part}"], sample[f"y{part}"]) for part in (0, 1))
    run_training_loop(model, train, validation, TrainingConfig(optimizer="proximal_adam"), run_dir)
    layers = weight_report(model, [str(number) for number in range(20)])["layers"]
    zeros = sum(layer["zero"] * layer["weights"] for layer in layers)
    answers = model(sample["x2"]).numpy()[:, 0]
    return zeros / sum(layer["weights"] for layer in layers), roc_auc_score(sample["y2"][:, 0], answers)
