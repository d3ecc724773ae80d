"""Converts a summary to the statistics of TensorFlow Metadata, in the form that TFDV 1.16 uses for numeric columns."""

import math
from collections.abc import Sequence

import numpy as np
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatistics,
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    Histogram,
    NumericStatistics,
)

from components.statistics.column_summary import ColumnSummary, Doubles, Floats

_BUCKETS = 10


def to_proto(summary: ColumnSummary, columns: Sequence[str], label: str) -> DatasetFeatureStatisticsList:
    """Returns the statistics of one split. As in TFDV, a split without rows has no features.

    Args:
        summary: the summary of the split.
        columns: the names of the columns, in the order of the summary.
        label: the name of the label, which is an integer.
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
        ones = np.ones(_BUCKETS + 1)
        _fill_quantiles(common.num_values_histogram, ones, np.full(ones.size, summary.rows, np.float64))
        for number, name in enumerate(columns):
            kind = FeatureNameStatistics.INT if name == label else FeatureNameStatistics.FLOAT
            feature = split.features.add(type=kind)
            feature.path.step.append(name)
            feature.num_stats.common_stats.CopyFrom(common)
            _describe(feature.num_stats, summary, number)
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
    edges = np.linspace(low, high, _BUCKETS + 1) if low < high else np.array([low, high])
    # As in TFDV, a value on an edge belongs to the bucket before it.
    counts = np.diff(_up_to(points, edges[1:], present), prepend=0.0)
    standard = stats.histograms.add(type=Histogram.STANDARD, num_nan=missing)
    for bottom, top, count in zip(edges, edges[1:], counts, strict=False):
        standard.buckets.add(low_value=bottom, high_value=top, sample_count=count)
    quantiles = np.array([low, *points[np.arange(1, _BUCKETS) * points.size // _BUCKETS], high], np.float64)
    stats.median = quantiles[_BUCKETS // 2]
    deciles = stats.histograms.add(num_nan=missing)
    _fill_quantiles(deciles, quantiles, _up_to(points, quantiles, present))


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


def _up_to(points: Floats, edges: Doubles, present: int) -> Doubles:
    """Returns the number of values at or below each edge; for the last edge, the number of all values."""
    counts = np.searchsorted(points, edges, side="right").astype(np.float64) * (present / points.size)
    counts[-1] = present
    return counts
