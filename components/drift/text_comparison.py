"""Compares one categorical feature with a reference, and finds what moved, as `feature_comparison` does for numbers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.common.drift_record import DriftFinding, DriftKind, DriftMeasure, FeatureDrift
from components.common.formatting import percent
from components.common.training_statistics import TextStatistics
from components.drift import measures
from components.drift.feature_comparison import MIN_L_INFINITY, MIN_SHARE, missing_findings
from components.drift.significance import share_p_value

_NAMED = 3  # texts in a finding


@dataclass(frozen=True)
class TextSample:
    """One categorical feature on one side of a comparison, and the effective number of rows."""

    column: TextStatistics
    rows: float

    @property
    def present(self) -> float:
        """The effective number of rows with a text."""
        return self.rows * (1 - self.column.missing)

    def shares(self, texts: list[str]) -> measures.Doubles:
        """Returns the shares of some texts, and of the rest that the statistics do not list."""
        return np.array([*(self.column.shares.get(text, 0.0) for text in texts), self.column.rest])


class TextComparison:
    """The comparison of one categorical feature with a reference.

    Args:
        reference, new: both sides.
        alpha: the error probability of one check.
    """

    def __init__(self, reference: TextSample, new: TextSample, alpha: float) -> None:
        self._reference, self._new, self._alpha = reference, new, alpha
        self._texts = sorted({*reference.column.shares, *new.column.shares})
        self._before, self._now = (side.shares(self._texts) for side in (reference, new))
        self._is_empty = not (reference.column.shares and new.column.shares)
        is_new = [text not in reference.column.shares for text in self._texts]
        # Without its rare texts, the reference does not say which texts are new.
        self._is_new = np.array([*is_new, False]) & (reference.column.rest == 0)

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
            values = {
                "unseen": float(self._now[self._is_new].sum()),
                "l_infinity": measures.l_infinity(self._before, self._now),
                "limit": MIN_L_INFINITY,
                "jensen_shannon": measures.jensen_shannon(self._before, self._now),
            }
        return FeatureDrift(
            feature=self._new.column.name,
            values="categories",
            missing_before=self._reference.column.missing,
            missing_now=self._new.column.missing,
            **values,
        )

    def _differ(self, chosen: measures.Flags) -> bool:
        """Whether the share of a chosen text differs by more than chance: Fisher's test, with Bonferroni over all."""
        alpha = self._alpha / self._before.size
        reference, new = self._reference.present, self._new.present
        return any(
            share_p_value((p * reference, reference), (q * new, new)) <= alpha
            for p, q in zip(self._before[chosen].tolist(), self._now[chosen].tolist(), strict=True)
        )

    def _distribution(self) -> Iterator[DriftFinding]:
        largest = measures.l_infinity(self._before, self._now)
        if largest > MIN_L_INFINITY and self._differ(np.ones(self._before.size, np.bool_)):
            most = int(np.argmax(np.abs(self._before - self._now)))
            text = repr(self._texts[most]) if most < len(self._texts) else "rare texts"
            before, now = (f"{text} in {percent(float(side[most]))}" for side in (self._before, self._now))
            yield self._finding("distribution", "l_infinity", largest, MIN_L_INFINITY, (before, now))

    def _unseen(self) -> Iterator[DriftFinding]:
        share = float(self._now[self._is_new].sum())
        if share > MIN_SHARE and self._differ(self._is_new):
            new = [text for text, is_new in zip(self._texts, self._is_new, strict=False) if is_new]
            new.sort(key=lambda text: -self._new.column.shares[text])
            named = ", ".join(map(repr, new[:_NAMED])) + (" and others" if len(new) > _NAMED else "")
            words = (
                f"{len(self._reference.column.shares)} different texts",
                f"{percent(share)} of the texts are new: {named}",
            )
            yield self._finding("unseen", "share", share, MIN_SHARE, words)

    def _finding(
        self, kind: DriftKind, measure: DriftMeasure, value: float, threshold: float, words: tuple[str, str]
    ) -> DriftFinding:
        return DriftFinding(
            feature=self._new.column.name,
            kind=kind,
            measure=measure,
            value=value,
            threshold=threshold,
            before=words[0],
            now=words[1],
        )
