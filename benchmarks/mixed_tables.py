"""Compares regpipe with scikit-learn's logistic regression on public tables of numbers and texts, by test AUC.

uv run python -m benchmarks.mixed_tables --folder TABLES --seeds 5 --out mixed_tables.jsonl
uv run python -m benchmarks.mixed_tables --table mixed_tables.jsonl

The tables are not part of the repository. Save them, as they are published, under these names in one folder:

titanic.csv   Kaggle's "Titanic", train.csv (891 rows); also in datasciencedojo/datasets on GitHub
credit-g.csv  German credit: OpenML's "credit-g" as CSV (1,000 rows)
telco.csv     IBM's WA_Fn-UseC_-Telco-Customer-Churn.csv (7,043 rows), from Kaggle
adult.csv     "Adult" of the UCI Machine Learning Repository with the names as header, from Kaggle (32,561 rows)

A seed is both `data.split.seed` and `training.seed`. All other keys have their defaults, except data.positive_label,
which the message of a run without it names. scikit-learn gets the rows and the columns that regpipe wrote to the
examples: StandardScaler after the mean of missing values, OneHotEncoder, and LogisticRegression with its default
strength, once on the rows of the training split, once also on those of the eval split, with which regpipe stops early
and chooses its strengths.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

PROJECT = Path(__file__).resolve().parents[1]
LABELS = {"titanic": "Survived", "credit-g": "class", "telco": "Churn", "adult": "class"}
# What the message of a refused first run tells.
SETTINGS = {
    "credit-g": ("data.positive_label=bad",),
    "telco": ("data.positive_label=Yes",),
    "adult": ("data.positive_label=>50K",),
}
REGPIPE, ON_TRAIN, ON_BOTH = "regpipe", "scikit-learn, train", "scikit-learn, train and eval"
LIMIT = 0.01


class Rows(NamedTuple):
    """The rows of one split.

    Attributes:
        serialized: tf.Examples.
        numbers: float64 [rows, numeric features], NaN is missing.
        texts: object [rows, categorical features], the empty text is missing.
        labels: 0 or 1, [rows].
    """

    serialized: list[bytes]
    numbers: npt.NDArray[np.float64]
    texts: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int64]


def measure(folder: Path, name: str, seed: int) -> dict[str, Any]:
    """Trains regpipe and scikit-learn on one split of a table, and returns the test AUC of each."""
    from sklearn.metrics import roc_auc_score

    with tempfile.TemporaryDirectory() as root:
        _train(folder, name, seed, Path(root))
        (examples,) = Path(root).glob("artifacts/ExampleGen/examples/*")
        (model,) = Path(root).glob("artifacts/Trainer/model/*/Format-Serving")
        train, validation, test = (_read(examples, split) for split in ("train", "eval", "test"))
        predicted = {
            REGPIPE: _score(model, test.serialized),
            ON_TRAIN: _logistic_regression([train], test),
            ON_BOTH: _logistic_regression([train, validation], test),
        }
    return {
        "table": name,
        "seed": seed,
        "rows": [len(part.labels) for part in (train, validation, test)],
        "numeric": train.numbers.shape[1],
        "categorical": train.texts.shape[1],
        "auc": {peer: float(roc_auc_score(test.labels, column)) for peer, column in predicted.items()},
    }


def _train(folder: Path, name: str, seed: int, root: Path) -> None:
    settings = (*SETTINGS.get(name, ()), f"data.split.seed={seed}", f"training.seed={seed}")
    command = [sys.executable, "-m", "pipeline_def.cli", "run", "--data", str(folder / f"{name}.csv")]
    command += ["--label", LABELS[name], "--root", str(root), "--to-step", "Trainer"]
    command += [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{name}: exit code {done.returncode}\n{done.stdout[-2_000:]}\n{done.stderr[-2_000:]}"
        )


def _read(examples: Path, split: str) -> Rows:
    import tensorflow as tf

    from components.common.ingest_record import IngestRecord
    from components.evaluator.importance import read_rows
    from components.evaluator.scoring import ScoredColumns
    from components.examples.reader import first_rows

    ingest = IngestRecord.read(str(examples))
    tf.get_logger().setLevel("ERROR")
    serialized = first_rows([str(examples / f"Split-{split}" / "*")], 10_000_000)
    rows = read_rows(
        serialized, len(serialized), ingest.features, ScoredColumns(ingest.label), ingest.categorical
    )
    texts = [rows.columns[feature] for feature in ingest.categorical]
    numbers = [column for feature, column in rows.columns.items() if feature not in ingest.categorical]
    return Rows(
        serialized,
        np.stack(numbers, axis=1).astype(np.float64),
        np.stack(texts, axis=1).astype(object) if texts else np.empty((len(serialized), 0), object),
        rows.labels.astype(np.int64),
    )


def _score(model: Path, serialized: Sequence[bytes]) -> npt.NDArray[Any]:
    import tensorflow as tf

    from components.common.file_names import SIGNATURE
    from components.tasks.binary import BINARY

    loaded = tf.saved_model.load(str(model))
    predicted = loaded.signatures[SIGNATURE](examples=tf.constant(list(serialized)))
    return np.asarray(predicted[BINARY.output.name]).reshape(-1)


def _logistic_regression(train: Sequence[Rows], test: Rows) -> npt.NDArray[Any]:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    fitted = np.hstack(
        [
            numbers.fit_transform(np.concatenate([part.numbers for part in train])),
            categories.fit_transform(np.concatenate([part.texts for part in train])),
        ]
    )
    model = LogisticRegression(max_iter=5_000)
    model.fit(fitted, np.concatenate([part.labels for part in train]))
    x = np.hstack([numbers.transform(test.numbers), categories.transform(test.texts)])
    return np.asarray(model.predict_proba(x)[:, 1])


def interval(differences: Sequence[float], test_to_train: float) -> tuple[float, float]:
    """Returns the 95% interval of the mean difference of two models over several random splits of one table.

    The splits share rows, so the differences are not independent: their variance is taken times 1/n + test rows /
    training rows (Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 2003).

    Args:
        differences: of each split, two at least.
        test_to_train: test rows / training rows.
    """
    from scipy.stats import t  # type: ignore[import-untyped]

    number = len(differences)
    error = statistics.stdev(differences) * (1 / number + test_to_train) ** 0.5
    width = float(t.ppf(0.975, number - 1)) * error
    mean = statistics.fmean(differences)
    return mean - width, mean + width


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Returns the Markdown table of mean AUCs and of the differences to scikit-learn with their intervals."""
    head = ["test AUC", "rows", "numbers, texts", REGPIPE, ON_TRAIN, "difference", ON_BOTH, "difference"]
    text = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name in LABELS:
        found = [line for line in lines if line["table"] == name]
        if len(found) < 2:
            continue
        mean = {peer: statistics.fmean(line["auc"][peer] for line in found) for peer in found[0]["auc"]}
        cells = [f"{sum(found[0]['rows']):,}", f"{found[0]['numeric']}, {found[0]['categorical']}"]
        cells.append(f"{mean[REGPIPE]:.4f}")
        for peer in (ON_TRAIN, ON_BOTH):
            differences = [line["auc"][REGPIPE] - line["auc"][peer] for line in found]
            ratio = statistics.fmean(line["rows"][2] / line["rows"][0] for line in found)
            low, high = interval(differences, ratio)
            late = "" if mean[REGPIPE] >= mean[peer] - LIMIT else " **worse**"
            cells += [
                f"{mean[peer]:.4f}",
                f"{mean[REGPIPE] - mean[peer]:+.4f} ({low:+.4f} to {high:+.4f}){late}",
            ]
        text.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(text)


def main() -> None:
    """Measures, or shows the table of earlier measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="the folder with the tables")
    parser.add_argument("--tables", nargs="*", default=list(LABELS), choices=list(LABELS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="splits of each table (default: 5)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mixed_tables.jsonl"), help="appended to")
    parser.add_argument("--table", type=Path, help="show the table of this file, and measure nothing")
    args = parser.parse_args()
    if not args.table and not args.folder:
        parser.error("expected --folder or --table")
    if args.folder and not args.table:
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            for name in args.tables:
                line = measure(args.folder.resolve(), name, seed)
                print(json.dumps(line), flush=True)
                with args.out.open("a") as out:
                    out.write(json.dumps(line) + "\n")
    print(report([json.loads(line) for line in (args.table or args.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
