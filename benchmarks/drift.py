"""Measures how often drift is reported between two tables of one distribution, and how often a shift is found.

uv run python -m benchmarks.drift --jobs 2 --out drift.jsonl
uv run python -m benchmarks.drift --table drift.jsonl

Each table has 20 features of different distributions and a label. Both tables of a pair are drawn anew. 60% of the rows
of a table, those of its training split, are compared. Beside regpipe's rule: SciPy's `ks_2samp` with Bonferroni's
correction at the same error probability, the usual population stability index above 0.2 in deciles, and an L-infinity
distance above 0.01 in the features with few values, as TensorFlow Data Validation's guide sets it.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats  # type: ignore[import-untyped]

from benchmarks.model_quality import measured
from components.common.training_statistics import TrainingStatistics
from components.drift import measures
from components.drift.table_comparison import ERROR, compare
from components.statistics.column_summary import ColumnSummary
from components.statistics.columns import Columns
from components.statistics.training_split import training_statistics

Floats = npt.NDArray[np.float32]
FEATURES = 20
SHIFTED = 0  # the feature that is shifted; it is normal with the standard deviation 1
FEW_VALUES = (7, 8, 9, 10)
COLUMNS = Columns((*(f"feature_{number:02d}" for number in range(FEATURES)), "label"), "label")
TRAINING_SHARE = 0.6
_BATCH = (1 << 20) // (FEATURES + 1)  # as StatisticsGen's
PEERS = ("regpipe", "ks_2samp, Bonferroni", "PSI > 0.2", "L-infinity > 0.01")


class Case(NamedTuple):
    """Pairs of tables: the rows of both, the shift of one feature in standard deviations, and how many pairs."""

    rows_before: int
    rows_now: int
    shift: float
    pairs: int


CASES = (
    Case(200, 200, 0.0, 2_000),
    Case(200, 5_000, 0.0, 2_000),
    Case(1_000, 1_000, 0.0, 2_000),
    Case(5_000, 1_000, 0.0, 1_500),
    Case(5_000, 5_000, 0.0, 1_500),
    Case(20_000, 5_000, 0.0, 800),
    Case(100_000, 100_000, 0.0, 150),
    Case(1_000_000, 200, 0.0, 60),
    Case(1_000_000, 1_000_000, 0.0, 30),
    *(Case(rows, rows, shift, 300) for rows in (1_000, 5_000, 20_000) for shift in (0.1, 0.25, 0.5)),
    Case(1_000_000, 1_000_000, 0.02, 20),
)
_CHUNK = 100


def draw(rows: int, random: np.random.Generator, shift: float = 0.0) -> Floats:
    """Returns one table, float32 [FEATURES + 1, rows]; the label is last."""

    def with_missing(values: npt.NDArray[Any], share: float) -> npt.NDArray[Any]:
        return np.where(random.random(rows) < share, np.nan, values)

    normal = random.standard_normal
    base = normal(rows)
    features = [
        base + shift,
        base + normal(rows),  # correlated with the first
        random.uniform(size=rows),
        random.exponential(size=rows),
        random.lognormal(sigma=2.0, size=rows),
        random.standard_t(2, rows),
        random.standard_cauchy(rows).clip(-1e30, 1e30),
        random.integers(0, 4, rows),
        random.poisson(3.0, rows),
        random.random(rows) < 0.02,
        np.zeros(rows),
        np.where(random.random(rows) < 0.9, 0.0, random.lognormal(size=rows)),
        np.where(random.random(rows) < 0.001, 1e9, normal(rows)),
        np.round(normal(rows), 1),
        random.geometric(0.05, rows),
        with_missing(normal(rows), 0.02),
        with_missing(normal(rows), 0.5),
        with_missing(random.exponential(size=rows), 0.98),
        np.where(random.random(rows) < 0.5, normal(rows), 10 + normal(rows)),
        random.beta(0.1, 0.1, rows),
        random.random(rows) < 0.1,
    ]
    return np.stack(features).astype(np.float32)


def summarized(values: Floats) -> TrainingStatistics:
    """Returns the statistics that StatisticsGen stores, batch by batch and merged as there."""
    starts = range(0, values.shape[1], _BATCH)
    summary = ColumnSummary.merge_stream(
        COLUMNS.summary(values[:, start : start + _BATCH]) for start in starts
    )
    assert summary is not None
    return training_statistics(summary, COLUMNS)


def alarms(before: Floats, now: Floats) -> dict[str, list[str]]:
    """Returns, by rule, the names of the columns that it reports."""
    comparison = compare("served", "", summarized(before), summarized(now))
    found: dict[str, list[str]] = {peer: [] for peer in PEERS}
    found[PEERS[0]] = sorted({finding.feature for finding in comparison.findings})
    for number, name in enumerate(COLUMNS.names[:FEATURES]):
        sides = [np.sort(table[number][~np.isnan(table[number])]) for table in (before, now)]
        if not (sides[0].size and sides[1].size):
            continue
        if stats.ks_2samp(*sides, method="auto").pvalue < ERROR / FEATURES:
            found[PEERS[1]].append(name)
        edges = measures.quantile_edges(sides[0])
        shares = [measures.shares_between(side, edges) for side in sides]
        if measures.population_stability_index(*shares) > 0.2:
            found[PEERS[2]].append(name)
        if number in FEW_VALUES:
            values = np.unique(np.concatenate(sides))
            if measures.l_infinity(*(measures.shares_of(side, values) for side in sides)) > 0.01:
                found[PEERS[3]].append(name)
    return found


def measure(task: tuple[Case, int]) -> dict[str, Any]:
    """Returns, by rule, in how many pairs of a part of a case a column was reported, and in how many the shifted one.

    Args:
        task: the case, whose pairs are those of this part, and the seed.
    """
    case, seed = task
    random = np.random.default_rng([seed, *case[:2], round(100 * case.shift)])
    reported: dict[str, int] = dict.fromkeys(PEERS, 0)
    shifted: dict[str, int] = dict.fromkeys(PEERS, 0)
    for _ in range(case.pairs):
        before = draw(round(TRAINING_SHARE * case.rows_before), random)
        now = draw(round(TRAINING_SHARE * case.rows_now), random, case.shift)
        with np.errstate(all="ignore"):
            found = alarms(before, now)
        for peer, names in found.items():
            reported[peer] += bool(names)
            shifted[peer] += COLUMNS.names[SHIFTED] in names
    return {**case._asdict(), "seed": seed, "reported": reported, "found": shifted}


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the exact interval of a probability (Clopper and Pearson, Biometrika 26, 1934)."""
    interval = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Returns two Markdown tables: false alarms without a shift, and how often the shifted feature was found."""
    pairs: dict[tuple[int, int, float], int] = defaultdict(int)
    counts: dict[tuple[int, int, float, str], int] = defaultdict(int)
    for line in lines:
        case = line["rows_before"], line["rows_now"], line["shift"]
        pairs[case] += line["pairs"]
        for peer in PEERS:
            counts[*case, peer] += line["reported" if not line["shift"] else "found"][peer]
    head = f"{' | '.join(PEERS)} |"
    text = [f"| rows before and now | pairs | {head}", f"| --- |{' ---: |' * (len(PEERS) + 1)}"]
    null = sorted(case for case in pairs if not case[2])
    for case in null:
        cells = " | ".join(f"{counts[*case, peer]:,}" for peer in PEERS)
        text.append(f"| {case[0]:,} and {case[1]:,} | {pairs[case]:,} | {cells} |")
    trials = sum(pairs[case] for case in null)
    totals = [sum(counts[*case, peer] for case in null) for peer in PEERS]
    shares = " | ".join(f"{total:,}: {_shares(total, trials)}" for total in totals)
    text.append(f"| all | {trials:,} | {shares} |")
    text += ["", f"| rows, shift in deviations | pairs | {head}", f"| --- |{' ---: |' * (len(PEERS) + 1)}"]
    for case in sorted(case for case in pairs if case[2]):
        cells = " | ".join(f"{counts[*case, peer] / pairs[case]:.1%}" for peer in PEERS)
        text.append(f"| {case[0]:,}, {case[2]:g} | {pairs[case]:,} | {cells} |")
    return "\n".join(text)


def _shares(successes: int, trials: int) -> str:
    low, high = clopper_pearson(successes, trials)
    return f"{successes / trials:.3%} ({low:.3%} to {high:.3%})"


def main() -> None:
    """Measures, or shows the tables of earlier measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=1, help="measurements at the same time (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("drift.jsonl"), help="appended to")
    parser.add_argument("--table", type=Path, help="show the tables of this file, and measure nothing")
    args = parser.parse_args()
    if not args.table:
        tasks = []
        for case in CASES:
            chunk = _CHUNK if case.rows_before < 100_000 else 10
            parts = [min(chunk, case.pairs - start) for start in range(0, case.pairs, chunk)]
            tasks += [(case._replace(pairs=part), seed) for seed, part in enumerate(parts)]
        for progress, line in measured(measure, tasks, args.jobs, args.out):
            print(f"{progress}: {line['rows_before']:,} and {line['rows_now']:,} rows", flush=True)
    print(report([json.loads(line) for line in (args.table or args.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
