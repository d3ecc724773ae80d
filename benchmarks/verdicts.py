"""Measures how often the verdict differs with other training seeds and other splits of the same table.

uv run --group benchmarks python -m benchmarks.verdicts --jobs 2 --out verdicts.jsonl
uv run python -m benchmarks.verdicts --table verdicts.jsonl

For each table: 11 training seeds on one split, and 6 splits with one training seed. Each time the Tuner's search, the
candidate, the baseline, and the Evaluator's verdict in each mode, on the rows of `benchmarks.model_quality`; and the
same for a candidate that is made worse on purpose, with L1 and L2 a hundred times as strong as chosen (or as typical,
where a weaker one was chosen).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from benchmarks import model_quality
from benchmarks.model_quality import (
    Splits,
    Table,
    chosen_strengths,
    load,
    measured,
    prepare_process,
    split,
)

TABLES = ("sample", "twonorm")
MAX_ROWS = {"twonorm": 2_000}
SEEDS, SPLITS = 11, 6
FIRST_SEED = 42
MODES = ("no_worse", "better", "point")
CANDIDATE, WORSE = "candidate", "a hundred times the strengths"
FACTOR = 100


def load_table(name: str) -> Table:
    """Returns the first rows of a table of `model_quality`, or of a file with tabs and a column `target`."""
    rows = MAX_ROWS.get(Path(name).stem, model_quality.MAX_ROWS)
    if not Path(name).exists():
        table = load(name)
        return Table(table.features[:rows], table.labels[:rows])
    frame = pd.read_csv(name, sep="\t", nrows=rows)
    positive = frame.pop("target").astype(str).str.lower().isin(["1", "1.0", "true"])
    return Table(frame.to_numpy(np.float64), positive.to_numpy())


def measure(name: str, seed: int, salt: int) -> dict[str, Any]:
    """Returns the verdicts of one training seed on one split."""
    prepare_process()
    splits = split(load_table(name), salt)
    return {"table": Path(name).stem, "seed": seed, "split": salt, **_verdicts(splits, seed)}


def _verdicts(splits: Splits, seed: int) -> dict[str, Any]:
    from components.common.verdict_record import BASELINE, EARLY_STOPPED
    from components.config.evaluation import EvaluationConfig
    from components.config.model import ModelConfig
    from components.config.regularization import STUDY_PATHS
    from components.config.training import TrainingConfig
    from components.config.tuning import TuningConfig
    from components.evaluator.paired_scores import PairedScores, SplitScores
    from components.evaluator.verdict import compute_verdict
    from components.training.dataset import InMemoryDataset
    from components.training.train import train_network

    train, validation, test = (InMemoryDataset(x, y[:, None]) for x, y in splits)
    training, tuning, model = TrainingConfig(seed=seed), TuningConfig(), ModelConfig()
    chosen = chosen_strengths(training, tuning, train, validation)
    typical = {item.name: item.typical for item in STUDY_PATHS.values() if item.shrinks_weights}
    strengths = {name: FACTOR * max(value, chosen[name]) for name, value in typical.items()}
    networks = {
        CANDIDATE: train_network(model.with_strengths(chosen), training, train, validation).network,
        WORSE: train_network(
            model.with_strengths({**chosen, **strengths}), training, train, validation
        ).network,
    }
    baseline, _, best = train_network(
        model.without_regularization(), training.without_regularization(), train, validation
    )

    def scored(rows: InMemoryDataset, name: str) -> PairedScores:
        predictions = {}
        for key, network in ((CANDIDATE, networks[name]), (BASELINE, baseline), (EARLY_STOPPED, baseline)):
            last = network.get_weights()
            if key == EARLY_STOPPED:
                network.set_weights(best)
            predictions[key] = network(rows.features, training=False).numpy()[:, 0]
            network.set_weights(last)
        return PairedScores(rows.labels[:, 0], predictions)

    found: dict[str, Any] = {"test_rows": test.rows, "chosen": chosen}
    for name in networks:
        rows, train_rows = SplitScores(scored(test, name), {}), scored(train, name)
        verdicts = {
            mode: compute_verdict(rows, train_rows, EvaluationConfig.model_validate({"mode": mode}))
            for mode in MODES
        }
        loss = verdicts["no_worse"].metrics["log_loss"]
        found[name] = {
            "blessed": {mode: verdict.blessed for mode, verdict in verdicts.items()},
            "reasons": list(verdicts["no_worse"].reasons),
            "log_loss": [loss.candidate, loss.early_stopped, loss.baseline],
            "interval": loss.interval.difference if loss.interval else None,
            "finding": loss.finding,
            "penalties": verdicts["no_worse"].contributions.penalties.model_dump()
            if verdicts["no_worse"].contributions and verdicts["no_worse"].contributions.penalties
            else None,
        }
    return found


def _measure_task(task: tuple[str, int, int]) -> dict[str, Any]:
    return measure(*task)


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Returns a Markdown table: how many of the runs on each table were blessed, in each mode."""
    text = [
        f"| runs blessed, seeds / splits | {' | '.join(MODES)} | made worse, no_worse | candidate minus baseline | "
        "penalties' share |",
        f"| --- |{' ---: |' * (len(MODES) + 3)}",
    ]
    for table in sorted({line["table"] for line in lines}):
        of_table = [line for line in lines if line["table"] == table]
        seeds = [line for line in of_table if line["split"] == 0]
        splits = [line for line in of_table if line["seed"] == FIRST_SEED]
        groups = seeds, splits
        cells = [
            " / ".join(
                f"{sum(line[CANDIDATE]['blessed'][mode] for line in group)} of {len(group)}"
                for group in groups
            )
            for mode in MODES
        ]
        cells.append(
            " / ".join(
                f"{sum(line[WORSE]['blessed']['no_worse'] for line in group)} of {len(group)}"
                for group in groups
            )
        )
        every = {(line["seed"], line["split"]): line for line in of_table}.values()
        gains = [line[CANDIDATE]["log_loss"][0] - line[CANDIDATE]["log_loss"][2] for line in every]
        shares = [line[CANDIDATE]["log_loss"][0] - line[CANDIDATE]["log_loss"][1] for line in every]
        cells += [f"{np.mean(values):+.4f} (sd {np.std(values, ddof=1):.4f})" for values in (gains, shares)]
        text.append(f"| {table} | {' | '.join(cells)} |")
    return "\n".join(text)


def main() -> None:
    """Measures, or shows the table of earlier measurements."""
    from components.config.evaluation import EvaluationConfig

    assert get_args(EvaluationConfig.model_fields["mode"].annotation) == MODES
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="*", default=TABLES, metavar="NAME or FILE")
    parser.add_argument("--jobs", type=int, default=1, help="measurements at the same time (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("verdicts.jsonl"), help="appended to")
    parser.add_argument("--table", type=Path, help="show the table of this file, and measure nothing")
    args = parser.parse_args()
    if not args.table:
        pairs = [(FIRST_SEED + number, 0) for number in range(SEEDS)]
        pairs += [(FIRST_SEED, salt) for salt in range(1, SPLITS)]
        tasks = [(name, *pair) for name in args.tables for pair in pairs]
        for progress, line in measured(_measure_task, tasks, args.jobs, args.out):
            print(f"{progress}: {line['table']}, seed {line['seed']}", flush=True)
    print(report([json.loads(line) for line in (args.table or args.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
