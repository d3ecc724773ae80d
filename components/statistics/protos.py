"""Converts a summary to the statistics of TensorFlow Metadata, in the form that TFDV 1.16 uses for numeric columns."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatistics,
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    Histogram,
    NumericStatistics,
    StringStatistics,
    WeightedCommonStatistics,
    WeightedNumericStatistics,
)

from components.examples.text_column import MISSING_ROWS
from components.statistics.column_summary import ColumnSummary, Doubles, Floats
from components.statistics.text_counts import TextCounts
from components.statistics.weighted_summary import WeightedPoints, WeightedSummary

_BUCKETS = 10
# Of texts, as in TFDV: how many are in the histogram by rank, and among the most frequent values.
_RANKED, _TOP = 1_000, 20


def to_proto(
    summary: ColumnSummary,
    columns: Sequence[str],
    label: str | None,
    texts: Mapping[str, TextCounts] | None = None,
) -> DatasetFeatureStatisticsList:
    """Returns the statistics of one split. As in TFDV, a split without rows has no features.

    With weights, `weighted_num_examples`, `weighted_common_stats` and `weighted_numeric_stats` are set as with TFDV's
    option `weight_feature`; all other fields are without weights. As in TFDV, `num_nan` is always a number of rows. The
    weighted share of missing values follows from the other fields: the weights of a weighted histogram are those of the
    values that are not missing.

    Args:
        summary: the summary of the split.
        columns: the names of the columns, in the order of the summary.
        label: the name of the label, which is an integer; None if it is a float as all other columns.
        texts: the counts of each categorical column. The number of missing values is in the field `custom_stats`, under
            the name MISSING_ROWS; they are not among the values.
    """
    split = DatasetFeatureStatistics(num_examples=summary.rows)
    if summary.rows:
        # TFDV counts NaN as a value; each example has one value in each column.
        common = CommonStatistics(
            num_non_missing=summary.rows,
            min_num_values=1,
            max_num_values=1,
            avg_num_values=1,
            tot_num_values=summary.rows,
        )
        weighted = summary.weighted
        if weighted is not None:
            split.weighted_num_examples = weighted.rows
            common.weighted_common_stats.CopyFrom(
                WeightedCommonStatistics(
                    num_non_missing=weighted.rows, avg_num_values=1, tot_num_values=weighted.rows
                )
            )
        ones = np.ones(_BUCKETS + 1)
        _fill_quantiles(common.num_values_histogram, ones, np.full(ones.size, summary.rows, np.float64))
        for number, name in enumerate(columns):
            kind = FeatureNameStatistics.INT if name == label else FeatureNameStatistics.FLOAT
            feature = split.features.add(type=kind)
            feature.path.step.append(name)
            feature.num_stats.common_stats.CopyFrom(common)
            _describe(feature.num_stats, summary, number)
            if weighted is not None and summary.present[number]:
                _describe_weighted(feature.num_stats, weighted, number)
        for name, counts in (texts or {}).items():
            feature = split.features.add(type=FeatureNameStatistics.STRING)
            feature.path.step.append(name)
            feature.custom_stats.add(name=MISSING_ROWS, num=counts.missing)
            feature.string_stats.common_stats.CopyFrom(common)
            _describe_texts(feature.string_stats, counts, weighted=weighted is not None)
        if texts:
            split.features.sort(key=lambda feature: feature.path.step[0])
    return DatasetFeatureStatisticsList(datasets=[split])


def _describe(stats: NumericStatistics, summary: ColumnSummary, column: int) -> None:
    present = int(summary.present[column])
    missing = summary.rows - present
    if not present:
        for kind in (Histogram.STANDARD, Histogram.QUANTILES):
            stats.histograms.add(type=kind, num_nan=missing)
        return
    stats.mean = summary.mean[column]
    stats.std_dev = math.sqrt(summary.squares[column] / present)
    stats.num_zeros = int(summary.zeros[column])
    low, high = float(summary.low[column]), float(summary.high[column])
    stats.min, stats.max = low, high
    points = summary.points[column]
    deciles = points[np.arange(1, _BUCKETS) * points.size // _BUCKETS]
    # The mean of the two middle values; of an odd number of values, both are the one in the middle.
    stats.median = points[[(points.size - 1) // 2, points.size // 2]].mean(dtype=np.float64)
    _add_histograms(stats, np.array([low, *deciles, high], np.float64), missing, _counter(points, present))


def _describe_texts(stats: StringStatistics, counts: TextCounts, *, weighted: bool) -> None:
    names = counts.most_frequent()
    stats.unique = len(names)
    present = counts.rows.total()
    if present:
        # In characters, as in TFDV.
        stats.avg_length = sum(len(name.decode()) * rows for name, rows in counts.rows.items()) / present
    ranked: list[tuple[Any, Any, Mapping[bytes, float]]] = [
        (stats.top_values, stats.rank_histogram.buckets, counts.rows)
    ]
    if weighted:
        own = stats.weighted_string_stats
        ranked.append((own.top_values, own.rank_histogram.buckets, counts.weights))
    for top, buckets, amounts in ranked:
        for rank, name in enumerate(names[:_RANKED]):
            buckets.add(low_rank=rank, high_rank=rank, label=name.decode(), sample_count=amounts[name])
            if rank < _TOP:
                top.add(value=name.decode(), frequency=amounts[name])


def _describe_weighted(stats: NumericStatistics, summary: WeightedSummary, column: int) -> None:
    weighted = stats.weighted_numeric_stats
    weighted.mean = summary.mean[column]
    weighted.std_dev = math.sqrt(summary.squares[column] / summary.present[column])
    points = summary.points[column]
    cumulative = np.cumsum(points.weights)
    # The first value with more than k tenths of the weight at or below it.
    deciles = np.searchsorted(cumulative, np.arange(1, _BUCKETS) * cumulative[-1] / _BUCKETS, side="right")
    quantiles = np.array(
        [stats.min, *points.values[np.minimum(deciles, points.values.size - 1)], stats.max], np.float64
    )
    # The mean of the two values between which half of the weight is reached; usually, both are the same value.
    half = [int(np.searchsorted(cumulative, cumulative[-1] / 2, side=side)) for side in ("left", "right")]
    weighted.median = points.values[np.minimum(half, points.values.size - 1)].mean(dtype=np.float64)
    up_to = _weight_counter(points, float(summary.present[column]))
    _add_histograms(weighted, quantiles, stats.histograms[0].num_nan, up_to)


def _add_histograms(
    stats: NumericStatistics | WeightedNumericStatistics,
    quantiles: Doubles,
    missing: int,
    up_to: Callable[[Doubles], Doubles],
) -> None:
    """Adds a histogram with buckets of equal width and one with buckets between the deciles.

    Args:
        stats: receives them.
        quantiles: the minimum, the deciles and the maximum.
        missing: the number of missing values.
        up_to: returns how many values are at or below each edge (with weights: their total weight); for the last edge,
            all values.
    """
    low, high = quantiles[0], quantiles[-1]
    edges = np.linspace(low, high, _BUCKETS + 1) if low < high else np.array([low, high])
    # As in TFDV, a value on an edge belongs to the bucket before it.
    counts = np.diff(up_to(edges[1:]), prepend=0.0)
    standard = stats.histograms.add(type=Histogram.STANDARD, num_nan=missing)
    for bottom, top, count in zip(edges, edges[1:], counts, strict=False):
        standard.buckets.add(low_value=bottom, high_value=top, sample_count=count)
    _fill_quantiles(stats.histograms.add(num_nan=missing), quantiles, up_to(quantiles))


def _fill_quantiles(histogram: Histogram, edges: Doubles, up_to: Doubles) -> None:
    """Adds the buckets between quantiles; as in TFDV, buckets that end at the same value share their values."""
    histogram.type = Histogram.QUANTILES
    _, group, sizes = np.unique(edges[1:], return_inverse=True, return_counts=True)
    counts = (np.bincount(group, np.diff(up_to)) / sizes)[group]
    # No bucket ends at the smallest value. Rows with that value are counted in the first bucket, or shared among the
    # buckets that end where the first one ends.
    first = sizes[0] if edges[0] == edges[1] else 1
    counts[:first] += up_to[0] / first
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=count)


def _counter(points: Floats, present: int) -> Callable[[Doubles], Doubles]:
    """Returns `up_to` of `_add_histograms` for `present` values, which the points represent in equal parts."""

    def up_to(edges: Doubles) -> Doubles:
        counts = np.searchsorted(points, edges, side="right").astype(np.float64) * (present / points.size)
        counts[-1] = present
        return counts

    return up_to


def _weight_counter(points: WeightedPoints, present: float) -> Callable[[Doubles], Doubles]:
    """Returns `up_to` of `_add_histograms` for values of the total weight `present`."""
    cumulative = np.concatenate([[0.0], np.cumsum(points.weights)])

    def up_to(edges: Doubles) -> Doubles:
        weights = cumulative[np.searchsorted(points.values, edges, side="right")]
        weights[-1] = present
        return weights

    return up_to
