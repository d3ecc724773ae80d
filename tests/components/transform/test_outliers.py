"""How clipping changes the AUC on the sample: real analyses and real trainings over several seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.evaluator.metrics import ScoredRows, auc
from components.training.dataset import InMemoryDataset
from components.training.train import train_network

SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"
SEEDS = range(2)
TRAIN, VALIDATION, TEST = slice(0, 600), slice(600, 800), slice(800, 1000)
Vectors = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def mean_auc(analyze: Callable[..., Any]) -> dict[str, float]:
    """The mean AUC over the seeds: of the sample as it is, and with a cell of 1e9 in each of five columns.

    Transform's default is compared with the minimum and the maximum, computed here.
    """
    table = np.loadtxt(SAMPLE, delimiter=",", skiprows=1, dtype=np.float32)
    table = table[np.random.default_rng(0).permutation(len(table))]
    clean, labels = table[:, :-1], table[:, -1:]
    correlation = [abs(np.corrcoef(column[TRAIN], labels[TRAIN, 0])[0, 1]) for column in clean.T]
    outliers = clean.copy()
    for row, column in enumerate(np.argsort(correlation)[-5:]):
        outliers[7 * row, column] = 1e9
    return {
        "clean, min_max": _mean_auc(_min_max(clean), labels),
        "clean, default": _mean_auc(_default(analyze, clean), labels),
        "outliers, min_max": _mean_auc(_min_max(outliers), labels, SEEDS[:1]),
        "outliers, default": _mean_auc(_default(analyze, outliers), labels),
    }


def _min_max(raw: Vectors) -> Vectors:
    low, high = raw[TRAIN].min(axis=0), raw[TRAIN].max(axis=0)
    vectors: Vectors = np.clip((raw - low) / (high - low), 0, 1)
    return vectors


def _default(analyze: Callable[..., Any], raw: Vectors) -> Vectors:
    columns = {f"f{number:02}": column for number, column in enumerate(raw.T)}
    training = {name: column[TRAIN].tolist() for name, column in columns.items()} | {"y": [0] * 600}
    layer = analyze(training).transform_features_layer()
    vectors: Vectors = layer({n: tf.constant(column[:, None]) for n, column in columns.items()})[
        "features"
    ].numpy()
    return vectors


def _mean_auc(vectors: Vectors, labels: Vectors, seeds: range = SEEDS) -> float:
    train, validation = (InMemoryDataset(vectors[part], labels[part]) for part in (TRAIN, VALIDATION))
    found = []
    for seed in seeds:
        model = ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2)
        network, *_ = train_network(model, TrainingConfig(seed=seed), train, validation)
        predictions = network(vectors[TEST], training=False).numpy().reshape(-1)
        found.append(auc(ScoredRows(labels[TEST].reshape(-1), predictions)))
    return float(np.mean(found))


def test_a_clean_table(mean_auc: dict[str, float]) -> None:
    """Clipping changes the AUC by less than 0.003."""
    assert mean_auc["clean, default"] == pytest.approx(mean_auc["clean, min_max"], abs=0.003)


def test_five_cells_of_1e9(mean_auc: dict[str, float]) -> None:
    """They cost less than 0.005 of AUC; without clipping, more than 0.2."""
    assert mean_auc["outliers, default"] > mean_auc["clean, default"] - 0.005
    assert mean_auc["outliers, min_max"] < mean_auc["clean, min_max"] - 0.2
