"""The record of how well each feature alone orders the rows by their label: its AUC, or its rank correlation.

StatisticsGen stores it as `feature_auc.json` beside the statistics. The summary and the report read it.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from components.common.file_names import FEATURE_AUC_FILE
from components.common.formatting import first_of, number, plural
from components.common.stored_record import StoredRecord

# Real measurements rarely separate the classes so well, but columns that are filled in after the label is known do.
LEAK_AUC = 0.99
# At this rank correlation, a feature explains 99% of the variance of the ranks of a label that is a number.
LEAK_CORRELATION = 0.995
MAX_NAMED = 5


class FeatureAucRecord(StoredRecord):
    """How well each feature alone orders the rows of the training split by their label.

    Attributes:
        format_version: the version of the format.
        negatives, positives: the measured rows of the first class and of the others, a sample of a large split.
        features: by name, the AUC, without rows in which the feature is missing; None if there are too few rows. That
            of a categorical feature orders the rows by the share of positive rows with the same text in other rows.
            With more than two classes, the AUC of the two classes that it separates worst, see
            `components.statistics.class_separation`. Empty if the label is a number.
        correlations: if the label is a number, by name the rank correlation of the feature with it, likewise; for a
            categorical feature, that of the mean label of other rows with the same text.
    """

    file_name = FEATURE_AUC_FILE
    description = "a record of the AUC of each feature"

    format_version: Literal[1] = 1
    negatives: int
    positives: int
    features: Mapping[str, float | None]
    correlations: Mapping[str, float | None] = {}

    def leaks(self) -> dict[str, float]:
        """Returns the value of each feature that gives the label almost alone.

        Its AUC is above LEAK_AUC or below 1 - LEAK_AUC, or its correlation is above LEAK_CORRELATION or below
        -LEAK_CORRELATION.
        """
        return self._separating() | self._correlated()

    def _separating(self) -> dict[str, float]:
        return {
            name: auc
            for name, auc in self.features.items()
            if auc is not None and max(auc, 1 - auc) > LEAK_AUC
        }

    def _correlated(self) -> dict[str, float]:
        return {
            name: value
            for name, value in self.correlations.items()
            if value is not None and abs(value) > LEAK_CORRELATION
        }

    def warnings(self) -> Iterator[str]:
        """Yields a sentence that names the features that give the label almost alone, if any."""
        because = "almost alone, as a column does that is filled in after the label is known"
        if found := self._separating():
            listed = first_of([f"{name!r} (AUC {number(auc)})" for name, auc in found.items()], MAX_NAMED)
            yield f"{plural(len(found), 'feature separates', 'features separate')} the classes {because}: {listed}."
        if found := self._correlated():
            values = [f"{name!r} (rank correlation {number(value)})" for name, value in found.items()]
            verb = plural(len(found), "feature determines", "features determine")
            yield f"{verb} the label {because}: {first_of(values, MAX_NAMED)}."
