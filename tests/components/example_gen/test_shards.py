"""The splits of whole tables: what a model can learn on one split holds on the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.metrics
import tensorflow as tf

from components.config.data import SPLITS, DataConfig, SplitConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.row_boundaries import BLOCK_BYTES
from components.example_gen.shards import ConversionJob, convert
from components.example_gen.table import find_table
from components.examples.reader import serialized_batches

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
Rows = np.ndarray
BySeed = Callable[[str], list[dict[str, Rows]]]
SEEDS = 12
CLASSES = ("first", "second", "third", "crew")
# Passengers of the Titanic by class, sex and age: (died, survived). Dawson, "The 'unusual episode' data revisited",
# Journal of Statistics Education 3(3), 1995.
TITANIC = {
    ("first", "male", "child"): (0, 5), ("second", "male", "child"): (0, 11), ("third", "male", "child"): (35, 13),
    ("first", "female", "child"): (0, 1), ("second", "female", "child"): (0, 13),
    ("third", "female", "child"): (17, 14),
    ("first", "male", "adult"): (118, 57), ("second", "male", "adult"): (154, 14),
    ("third", "male", "adult"): (387, 75), ("crew", "male", "adult"): (670, 192),
    ("first", "female", "adult"): (4, 140), ("second", "female", "adult"): (13, 80),
    ("third", "female", "adult"): (89, 76), ("crew", "female", "adult"): (3, 20),
}  # fmt: skip


def converted(config: DataConfig, folder: Path, block_bytes: int = BLOCK_BYTES) -> dict[str, Rows]:
    """Converts a table without Beam; returns features and label of each split, float32 [rows, features + 1]."""
    table = find_table(config)
    plan = plan_blocks(table, block_bytes)
    for block in plan.blocks:
        convert(ConversionJob(table, config, str(folder), len(plan.blocks)), block)
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in table.features}
    spec[config.label] = tf.io.FixedLenFeature([], tf.int64)
    found = {}
    for split in SPLITS:
        files = sorted(str(path) for path in folder.glob(f"Split-{split}/*"))
        [serialized] = serialized_batches(files, 1_000_000)
        columns = tf.io.parse_example(serialized, spec)
        found[split] = np.column_stack([columns[name] for name in (*table.features, config.label)])
    return found


def csv(names: str, rows: Any) -> str:
    return names + "\n" + "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)


def auc(train: Rows, test: Rows) -> float:
    """Returns the test AUC of a logistic regression."""
    model = sklearn.linear_model.LogisticRegression().fit(train[:, :-1], train[:, -1])
    return float(sklearn.metrics.roc_auc_score(test[:, -1], model.decision_function(test[:, :-1])))


def expect_the_auc_of_random_splits(found: list[dict[str, Rows]], rows: Rows) -> None:
    """Compares the mean AUC of splits by hash with that of as many random splits of the same rows."""
    hashed = [auc(splits["train"], splits["test"]) for splits in found]
    randomized = []
    for seed in range(len(found)):
        order = np.random.default_rng(seed).permutation(rows)
        randomized.append(auc(order[: len(rows) * 6 // 10], order[len(rows) * 8 // 10 :]))
    assert np.mean(hashed) == pytest.approx(np.mean(randomized), abs=0.03)


@pytest.fixture
def by_seed(write: Write, settings: Settings, tmp_path: Path) -> BySeed:
    """Converts a CSV table with each seed."""

    def convert_all(text: str) -> list[dict[str, Rows]]:
        path = write("t.csv", text)
        return [
            converted(settings(path, split=SplitConfig(seed=seed)), tmp_path / f"{seed}")
            for seed in range(SEEDS)
        ]

    return convert_all


def test_six_binary_columns(by_seed: BySeed) -> None:
    """With 64 different rows of features among 2,000, the test AUC is that of random splits."""
    generator = np.random.default_rng(3)
    features = generator.integers(0, 2, size=(2_000, 6))
    score = features @ [1.5, -1.2, 1.0, -0.8, 0.5, 0.0] - 0.5
    label = generator.random(2_000) < 1 / (1 + np.exp(-score))
    rows = np.column_stack([features, label]).astype(np.float32)
    expect_the_auc_of_random_splits(by_seed(csv("a,b,c,d,e,f,y", rows)), rows)


def titanic() -> Rows:
    rows = [
        (*(group == name for name in CLASSES[:3]), sex == "male", age == "adult", survived)
        for (group, sex, age), counts in TITANIC.items()
        for survived in (0, 1)
        for _ in range(counts[survived])
    ]
    return np.array(rows, np.float32)


def test_the_titanic(by_seed: BySeed) -> None:
    """2,201 rows in 14 groups, sorted by group and label: each split has both classes, in the ratio of the table."""
    rows = titanic()
    assert (len(rows), rows[:, -1].sum()) == (2_201, 711)
    found = by_seed(csv("first,second,third,male,adult,y", rows))
    expect_the_auc_of_random_splits(found, rows)
    share = 711 / 2_201
    for splits in found:
        assert sum(len(split) for split in splits.values()) == 2_201
        for split in splits.values():
            deviation = (share * (1 - share) / len(split)) ** 0.5
            assert abs(split[:, -1].mean() - share) < 4 * deviation
