"""Compares one feature with a reference, and finds what moved: by more than chance, and by enough to matter.

With millions of rows every small difference is more than chance, so each measure also has a minimum.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.common.drift_record import DistributionPair, DriftFinding, DriftMeasure, FeatureDrift
from components.common.formatting import percent
from components.common.training_statistics import ColumnStatistics, Points
from components.drift import measures
from components.drift.significance import beyond_p_value, kolmogorov_smirnov_threshold, share_p_value

# The smallest differences that matter. A normal feature that shifts by an eighth of its standard deviation has a
# Kolmogorov-Smirnov distance of 0.05.
MIN_KS = 0.05
MIN_PSI = 0.1
MIN_L_INFINITY = 0.05
MIN_SHARE = 0.01  # of missing and of unseen values
# A feature with at most so many distinct values, each about ten times in the sample, is compared by category.
MAX_CATEGORIES, _PER_CATEGORY = 20, 10
# The checks of one feature: its distribution, its missing values, and values below and above the reference's range.
CHECKS = 4
_PLOT_BINS, _PLOT_TAIL = 20, 0.005
_NONE: Points = np.empty(0, np.float32)


@dataclass(frozen=True)
class FeatureSample:
    """One feature on one side of a comparison.

    Attributes:
        column: its statistics.
        points: its sorted values of equal weight.
        rows: the effective number of rows.
    """

    column: ColumnStatistics
    points: Points
    rows: float

    @property
    def present(self) -> float:
        """The effective number of rows with a value."""
        return self.rows * (1 - self.column.missing)


class FeatureComparison:
    """The comparison of one feature with a reference.

    Args:
        reference, new: both sides.
        alpha: the error probability of one check, see CHECKS.
    """

    def __init__(self, reference: FeatureSample, new: FeatureSample, alpha: float) -> None:
        self._reference, self._new, self._alpha = reference, new, alpha
        # An exact sample has no rank error. A thinned one may place each end of a group of values a little off.
        self._error = reference.column.rank_error + new.column.rank_error
        self._is_empty = not (reference.points.size and new.points.size)
        self._categories = _categories(reference.points)
        self._by_category = self._categories.size > 0
        self._all_categories = np.union1d(self._categories, new.points) if self._by_category else _NONE

    def findings(self) -> Iterator[DriftFinding]:
        """Yields what moved by more than chance, and by enough to matter."""
        if not self._is_empty:
            yield from self._distribution()
            yield from self._unseen()
        reference, new = self._reference, self._new
        yield from missing_findings(
            new.column.name,
            (reference.column.missing, new.column.missing),
            (reference.rows, new.rows),
            self._alpha,
        )

    def measured(self) -> FeatureDrift:
        """Returns all measures."""
        values: dict[str, float] = {}
        if not self._is_empty:
            values["unseen"] = sum(self._unseen_shares())
            before, now = self._shares()
            if not self._by_category:
                values["ks"] = measures.kolmogorov_smirnov(self._reference.points, self._new.points)
                values["limit"] = max(self._chance(), MIN_KS)
                values["psi"] = measures.population_stability_index(before, now)
            else:
                values["l_infinity"] = measures.l_infinity(before, now)
                values["limit"] = MIN_L_INFINITY
                values["jensen_shannon"] = measures.jensen_shannon(before, now)
        return FeatureDrift(
            feature=self._new.column.name,
            values="numbers" if not self._by_category else "categories",
            missing_before=self._reference.column.missing,
            missing_now=self._new.column.missing,
            **values,
        )

    def distributions(self) -> DistributionPair:
        """Returns both distributions in bins for a plot."""
        before, now = self._reference.points, self._new.points
        if self._by_category and self._all_categories.size <= 2 * MAX_CATEGORIES:
            edges = _edges_around(self._all_categories.astype(np.float64))
        else:
            # Without the ends, so that one extreme value does not press the others into one bin.
            ends = [np.quantile(side, (_PLOT_TAIL, 1 - _PLOT_TAIL)) for side in (before, now)]
            low, high = min(end[0] for end in ends), max(end[1] for end in ends)
            edges = np.linspace(low, high if high > low else low + 1.0, _PLOT_BINS + 1)
        inner = edges[1:-1].astype(np.float32)
        return DistributionPair(
            feature=self._new.column.name,
            edges=tuple(edges.tolist()),
            before=tuple(measures.shares_between(before, inner).tolist()),
            now=tuple(measures.shares_between(now, inner).tolist()),
        )

    def _shares(self) -> tuple[measures.Doubles, measures.Doubles]:
        sides = self._reference.points, self._new.points
        if self._by_category:
            before, now = (measures.shares_of(points, self._all_categories) for points in sides)
        else:
            edges = measures.quantile_edges(self._reference.points)
            before, now = (measures.shares_between(points, edges) for points in sides)
        return before, now

    def _distribution(self) -> Iterator[DriftFinding]:
        before, now = self._shares()
        if self._by_category:
            largest = measures.l_infinity(before, now)
            if largest > MIN_L_INFINITY and self._shares_differ(before, now):
                yield self._finding("l_infinity", largest, MIN_L_INFINITY)
            return
        distance = measures.kolmogorov_smirnov(self._reference.points, self._new.points)
        chance = self._chance()
        if distance > max(chance, MIN_KS):
            yield self._finding("ks", distance, max(chance, MIN_KS))
        elif distance > chance:
            index = measures.population_stability_index(before, now)
            if index > MIN_PSI:
                yield self._finding("psi", index, MIN_PSI)

    def _chance(self) -> float:
        """Returns the Kolmogorov-Smirnov distance that chance and the rank errors explain."""
        rows = self._reference.present, self._new.present
        return self._error + kolmogorov_smirnov_threshold(*rows, self._alpha)

    def _shares_differ(self, before: measures.Doubles, now: measures.Doubles) -> bool:
        """Whether the share of one of the values differs by more than chance and the rank errors allow."""
        # Bonferroni over all values, also if only some are given: which ones they are follows from the data.
        alpha = self._alpha / max(1, self._all_categories.size)
        # Both ends of a group of equal values may be off by the rank error.
        slack = 2 * self._error
        return any(
            abs(p - q) > slack and self._share_p_value(p, q, slack) <= alpha
            for p, q in zip(before.tolist(), now.tolist(), strict=True)
        )

    def _share_p_value(self, before: float, now: float, slack: float) -> float:
        """Returns the p-value of two shares of the values, after moving them towards each other by `slack` in total."""
        part = slack / 2 if now > before else -slack / 2
        reference, new = self._reference.present, self._new.present
        return share_p_value(
            (min(max(before + part, 0.0), 1.0) * reference, reference),
            (min(max(now - part, 0.0), 1.0) * new, new),
        )

    def _unseen(self) -> Iterator[DriftFinding]:
        below, above = self._unseen_shares()
        if below + above <= MIN_SHARE:
            return
        reference, new = self._reference, self._new
        error = new.column.rank_error
        if self._by_category:
            before, now = self._shares()
            is_new = ~np.isin(self._all_categories, self._categories)
            chance = not self._shares_differ(before[is_new], now[is_new])
        else:
            chance = all(
                beyond_p_value(reference.present, max(share - error, 0.0) * new.present, new.present)
                > self._alpha
                for share in (below, above)
            )
        if not chance:
            yield DriftFinding(
                feature=new.column.name,
                kind="unseen",
                measure="share",
                value=below + above,
                threshold=MIN_SHARE,
                before=self._known(),
                now=f"{percent(below + above)} of the values are new, range {_number(new.column.low)} to "
                f"{_number(new.column.high)}",
            )

    def _known(self) -> str:
        if self._by_category and self._categories.size <= 5:
            return f"values {', '.join(_number(value) for value in self._categories.tolist())}"
        column = self._reference.column
        return f"range {_number(column.low)} to {_number(column.high)}"

    def _unseen_shares(self) -> tuple[float, float]:
        """Returns the shares of values below and above the reference; of categories, that of others, and 0."""
        points = self._new.points
        if self._by_category:
            return float(np.mean(~np.isin(points, self._categories))), 0.0
        low, high = self._reference.column.low, self._reference.column.high
        return float(np.mean(points < np.float32(low or 0))), float(np.mean(points > np.float32(high or 0)))

    def _finding(self, measure: DriftMeasure, value: float, threshold: float) -> DriftFinding:
        before, now = (self._describe(side.points) for side in (self._reference, self._new))
        return DriftFinding(
            feature=self._new.column.name,
            kind="distribution",
            measure=measure,
            value=value,
            threshold=threshold,
            before=before,
            now=now,
        )

    def _describe(self, points: Points) -> str:
        """Returns a distribution in a few words; of categories, the value whose share changed most."""
        if self._by_category:
            before, now = self._shares()
            category = float(self._all_categories[np.argmax(np.abs(before - now))])
            return f"{_number(category)} in {percent(float(np.mean(points == np.float32(category))))}"
        low, middle, high = (float(points[int(share * points.size)]) for share in (0.05, 0.5, 0.95))
        return f"median {_number(middle)} (90%: {_number(low)} to {_number(high)})"


def missing_findings(
    feature: str, shares: tuple[float, float], rows: tuple[float, float], alpha: float
) -> Iterator[DriftFinding]:
    """Yields what is to be said of the missing values of a feature of any kind, if their share has moved.

    Args:
        feature: its name.
        shares: the shares of missing values in the reference and in the new rows.
        rows: the effective numbers of rows of both.
        alpha: the error probability of the check.
    """
    before, now = shares
    if not all(rows) or abs(now - before) <= MIN_SHARE:
        return
    if share_p_value((rows[0] * before, rows[0]), (rows[1] * now, rows[1])) <= alpha:
        yield DriftFinding(
            feature=feature,
            kind="missing",
            measure="share",
            value=abs(now - before),
            threshold=MIN_SHARE,
            before=f"{percent(before)} missing",
            now=f"{percent(now)} missing",
        )


def _categories(points: Points) -> Points:
    """Returns the distinct values of a feature with few of them; none for others."""
    distinct: Points = np.unique(points)
    return distinct if 0 < distinct.size <= min(MAX_CATEGORIES, points.size / _PER_CATEGORY) else _NONE


def _edges_around(categories: measures.Doubles) -> measures.Doubles:
    """Returns edges of one bin around each category, and of an empty bin between two of them."""
    gap = float(np.min(np.diff(categories))) if categories.size > 1 else 1.0
    return np.stack([categories - gap / 4, categories + gap / 4], axis=1).ravel()


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
