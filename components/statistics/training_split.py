"""Creates the statistics of the training split that drift is computed from, out of the summary of its columns."""

from collections.abc import Sequence

import numpy as np

from components.common.training_statistics import (
    ColumnStatistics,
    Points,
    TextStatistics,
    TrainingStatistics,
    encode_points,
)
from components.statistics.column_summary import ColumnSummary, Floats
from components.statistics.columns import Columns
from components.statistics.text_counts import TextCounts
from components.statistics.thinning import POINTS, thin

# The file has at most 2.8 MB of points: 4 bytes each, and 4/3 of that as text. Each column has at least MIN_POINTS.
_MAX_POINTS, _MIN_POINTS = 1 << 19, 256
# How often values are thinned until they are in a summary: once in a batch, once a level of merging. Five levels are
# enough for 10^12 rows.
_THINNINGS = 5
_MAX_TEXTS = 1_000


def training_statistics(
    summary: ColumnSummary, columns: Columns, texts: Sequence[TextCounts] = ()
) -> TrainingStatistics:
    """Returns the statistics of the features and of the label.

    Args:
        summary: the summary of the training split, in the order of `columns.names`.
        columns: their names and roles.
        texts: the counts of the categorical features, in the order of `columns.categorical`.
    """
    features = [name for name in columns.names if name not in (columns.label, columns.weight)]
    kept = max(_MIN_POINTS, min(POINTS, _MAX_POINTS // max(1, len(features))))
    means = summary.mean if summary.weighted is None else summary.weighted.mean
    place = columns.names.index(columns.label)
    return TrainingStatistics(
        rows=summary.rows,
        effective_rows=_effective_rows(summary, columns),
        label=columns.label,
        positive_share=0.0 if columns.number or columns.classes else float(means[place]),
        label_classes=_class_shares(summary, columns, place) if columns.classes else None,
        label_numbers=_column(summary, place, columns.label, POINTS) if columns.number else None,
        columns=tuple(_column(summary, columns.names.index(name), name, kept) for name in features),
        texts=tuple(
            _text_statistics(name, counts) for name, counts in zip(columns.categorical, texts, strict=False)
        ),
    )


def _class_shares(summary: ColumnSummary, columns: Columns, place: int) -> TextStatistics:
    """Returns the share of each class; above POINTS rows it is off by at most five thousandths."""
    points = _column(summary, place, columns.label, POINTS).points
    counts = np.bincount(points.astype(np.int64), minlength=len(columns.classes))
    shares = dict(zip(columns.classes, (counts / max(1, points.size)).tolist(), strict=True))
    most_frequent_first = sorted(shares.items(), key=lambda item: -item[1])
    return TextStatistics(name=columns.label, missing=0.0, shares=dict(most_frequent_first))


def _text_statistics(name: str, counts: TextCounts) -> TextStatistics:
    total = sum(counts.weights.values())
    shares = {text: counts.weights[text] / total for text in counts.most_frequent()}
    kept = dict(list(shares.items())[:_MAX_TEXTS])
    rest = sum(shares.values()) - sum(kept.values()) if len(kept) < len(shares) else 0.0
    everything = total + counts.missing_weight
    return TextStatistics(
        name=name,
        missing=counts.missing_weight / everything if everything else 0.0,
        shares={text.decode(): share for text, share in kept.items()},
        rest=rest,
    )


def _effective_rows(summary: ColumnSummary, columns: Columns) -> float:
    if columns.weight is None or not summary.rows:
        return float(summary.rows)
    weight = columns.names.index(columns.weight)
    mean, squares = summary.mean[weight], summary.squares[weight]
    # sum(w^2) is the sum of the squared deviations plus rows * mean^2.
    return float(summary.rows / (1 + squares / (summary.rows * mean**2)))


def _column(summary: ColumnSummary, column: int, name: str, kept: int) -> ColumnStatistics:
    present, weighted = int(summary.present[column]), summary.weighted
    points = summary.points[column]
    error = _THINNINGS * 0.5 / POINTS if present > POINTS else 0.0
    missing = 1 - present / summary.rows if summary.rows else 0.0
    if weighted is not None:
        own = weighted.points[column]
        points = _reduced(own.values, np.cumsum(own.weights), POINTS)
        error += 0.5 / POINTS
        missing = max(0.0, 1 - float(weighted.present[column]) / weighted.rows) if weighted.rows else 0.0
    if points.size > kept:
        points = _reduced(points, np.arange(1.0, points.size + 1), kept)
        error += 0.5 / kept
    return ColumnStatistics(
        name=name,
        missing=missing,
        low=float(summary.low[column]) if present else None,
        high=float(summary.high[column]) if present else None,
        encoded_points=encode_points(points),
        rank_error=error,
    )


def _reduced(values: Floats, cumulative: np.ndarray, points: int) -> Points:
    if not values.size:
        return values
    reduced: Points = thin(values, cumulative, points)
    return reduced
