"""Compares the network with and without hidden layers, and the choice between them by the validation split.

uv run --group benchmarks python -m benchmarks.hidden_layers --seeds 1 --out hidden_layers.jsonl
uv run python -m benchmarks.hidden_layers --table hidden_layers.jsonl

The tables and their splits are those of `benchmarks.model_quality`. For each of both networks, the Tuner chooses the
strengths by the validation split; the network is then trained with them and scored on the test split. "Chosen" is the
network whose validation loss in the Tuner was lower.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mixed_tables import interval
from benchmarks.model_quality import TABLES, Splits, load, measured, prepare_process, split

LAYERS, NO_LAYERS, CHOSEN = "hidden layers", "none", "chosen"
Line = dict[str, Any]


def measure(task: tuple[str, int]) -> Line:
    """Trains both networks on one split of a table; returns the validation loss, the test log loss and the test AUC."""
    name, seed = task
    prepare_process()
    splits = split(load(name), seed)
    networks = {LAYERS: _scores(splits, seed), NO_LAYERS: _scores(splits, seed, hidden_units=())}
    rows = [len(part.labels) for part in splits]
    return {"table": name, "seed": seed, "rows": rows, "networks": networks}


def _scores(splits: Splits, seed: int, **layers: Any) -> dict[str, float]:
    from sklearn.metrics import log_loss, roc_auc_score

    from components.config.model import ModelConfig
    from components.config.training import TrainingConfig
    from components.config.tuning import TuningConfig
    from components.training.dataset import InMemoryDataset
    from components.training.train import train_network
    from components.tuner.search import search

    train, validation, test = (InMemoryDataset(x, y[:, None]) for x, y in splits)
    model, tuning = ModelConfig(**layers), TuningConfig()
    training = TrainingConfig(seed=seed).with_optimizer(model.hidden_units)
    every = -(-train.rows // tuning.max_rows)
    sample, compared = (
        InMemoryDataset(data.features[::every], data.labels[::every]) for data in (train, validation)
    )
    trials = search(model, training, tuning, sample, compared, train.rows)
    (chosen,) = [trial for trial in trials if trial.chosen]
    trained, *_ = train_network(model.with_strengths(chosen.strengths), training, train, validation)
    predicted = trained(test.features, training=False).numpy()[:, 0].astype(np.float64)
    labels = splits.test.labels
    return {
        "validation": chosen.loss,
        "log_loss": float(log_loss(labels, np.clip(predicted, 1e-7, 1 - 1e-7))),
        "auc": float(roc_auc_score(labels, predicted)),
    }


def difference(line: Line, metric: str, other: str) -> float:
    """Returns a test metric of a network, or of the chosen one, minus that of the one with hidden layers."""
    networks = line["networks"]
    if other == CHOSEN:
        other = min(networks, key=lambda network: networks[network]["validation"])
    return float(networks[other][metric] - networks[LAYERS][metric])


def report(lines: Sequence[Line]) -> str:
    """Returns a Markdown table: for each table, the differences to the network with hidden layers."""
    headers = (
        "table", "splits", "log loss with layers", "none", "chosen", "AUC with layers", "none", "chosen",
    )  # fmt: skip
    text = [f"| {' | '.join(headers)} |", f"| --- |{' ---: |' * (len(headers) - 1)}"]
    means: dict[str, list[float]] = {NO_LAYERS: [], CHOSEN: []}
    for name in sorted({line["table"] for line in lines}):
        found = [line for line in lines if line["table"] == name]
        cells = [name, str(len(found))]
        for metric in ("log_loss", "auc"):
            cells.append(f"{np.mean([line['networks'][LAYERS][metric] for line in found]):.4f}")
            for other in (NO_LAYERS, CHOSEN):
                differences = [difference(line, metric, other) for line in found]
                cells.append(_cell(differences, found))
                if metric == "log_loss":
                    means[other].append(float(np.mean(differences)))
        text.append(f"| {' | '.join(cells)} |")
    for other, values in means.items():
        drawn = np.random.default_rng(1).choice(values, (2_000, len(values))).mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        text.append(
            f"\n{other}: mean log loss {np.mean(values):+.4f}, 95% interval {low:+.4f} to {high:+.4f}"
        )
    return "\n".join(text)


def _cell(differences: Sequence[float], lines: Sequence[Line]) -> str:
    mean = f"{np.mean(differences):+.4f}"
    if len(differences) < 2:
        return mean
    low, high = interval(differences, float(np.mean([line["rows"][2] / line["rows"][0] for line in lines])))
    return f"{mean} ({low:+.4f} to {high:+.4f})"


def main() -> None:
    """Measures, or shows the table of earlier measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="*", default=TABLES, choices=TABLES, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=1, help="splits of each table (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, help="measurements at the same time (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("hidden_layers.jsonl"), help="appended to")
    parser.add_argument("--table", type=Path, help="show the table of this file, and measure nothing")
    args = parser.parse_args()
    if not args.table:
        tasks = [(name, seed) for seed in range(args.seeds) for name in args.tables]
        for progress, line in measured(measure, tasks, args.jobs, args.out):
            print(f"{progress}: {line['table']}, seed {line['seed']}", flush=True)
    print(report([json.loads(line) for line in (args.table or args.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
