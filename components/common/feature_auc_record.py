"""The record of the AUC of each feature alone. StatisticsGen stores it as `feature_auc.json` beside the statistics.

The summary and the report read it.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from components.common.file_names import FEATURE_AUC_FILE
from components.common.formatting import first_of, number, plural
from components.common.stored_record import StoredRecord

# Real measurements rarely separate the classes so well, but columns that are filled in after the label is known do.
LEAK_AUC = 0.99
MAX_NAMED = 5


class FeatureAucRecord(StoredRecord):
    """How well each feature alone orders the rows of the training split by their label.

    Attributes:
        format_version: the version of the format.
        negatives, positives: how many rows with label 0 and with label 1 were measured, a sample of a large split.
        features: by name, the AUC, without rows in which the feature is missing; None if there are too few rows. That
            of a categorical feature orders the rows by the share of positive rows with the same text in other rows.
    """

    file_name = FEATURE_AUC_FILE
    description = "a record of the AUC of each feature"

    format_version: Literal[1] = 1
    negatives: int
    positives: int
    features: Mapping[str, float | None]

    def leaks(self) -> dict[str, float]:
        """Returns the AUC of each feature that separates the classes: above LEAK_AUC or below 1 - LEAK_AUC."""
        return {
            name: auc
            for name, auc in self.features.items()
            if auc is not None and max(auc, 1 - auc) > LEAK_AUC
        }

    def warnings(self) -> Iterator[str]:
        """Yields a sentence that names the features that separate the classes, if any."""
        if found := self.leaks():
            listed = first_of([f"{name!r} (AUC {number(auc)})" for name, auc in found.items()], MAX_NAMED)
            yield (
                f"{plural(len(found), 'feature separates', 'features separate')} the classes almost alone, "
                f"as a column does that is filled in after the label is known: {listed}."
            )
