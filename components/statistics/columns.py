"""The columns that are summarized, and what each of them is."""

from collections.abc import Sequence
from typing import NamedTuple

from components.common.feature_auc_record import FeatureAucRecord
from components.statistics.class_sample import ClassSample
from components.statistics.class_separation import feature_separations, text_separations
from components.statistics.column_summary import ColumnSummary, Floats
from components.statistics.feature_auc import feature_aucs, text_aucs
from components.statistics.feature_correlation import feature_correlations, text_correlations

_TWO = 2  # classes: the share of one of them says all


def several(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the classes of a label if there are more than two, otherwise none."""
    return tuple(classes) if len(classes) > _TWO else ()


class Columns(NamedTuple):
    """The columns of every example.

    Attributes:
        names: all columns of numbers, in the order of the statistics.
        label: the name of the label, which is one of them.
        number: whether the label is a number; otherwise it is that of a class.
        classes: the names of the classes, if there are more than two; otherwise empty.
        weight: the name of the weight column, which is one of them; None if all rows weigh the same.
        categorical: the columns of texts, in alphabetical order.
    """

    names: tuple[str, ...]
    label: str
    weight: str | None = None
    number: bool = False
    classes: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()

    def weights(self, values: Floats) -> Floats | None:
        """Returns the weights of rows, whose values are given as [columns, rows]; None if all rows weigh the same."""
        return None if self.weight is None else values[self.names.index(self.weight)]

    def summary(self, values: Floats) -> ColumnSummary:
        """Summarizes the values of these columns, [columns, rows]."""
        return ColumnSummary.of(values, self.weights(values))

    def sample(self) -> ClassSample:
        """Returns a sample without rows of these columns."""
        label = None if self.number else self.names.index(self.label)
        return ClassSample(len(self.names), label, len(self.categorical), len(self.classes) or _TWO)

    def feature_aucs(self, sample: ClassSample) -> FeatureAucRecord:
        """Returns the AUC of each feature on a sample, or its correlation with a label that is a number."""
        features = [name for name in self.names if name not in (self.label, self.weight)]
        places = [self.names.index(name) for name in features]
        weight = None if self.weight is None else self.names.index(self.weight)
        if self.number:
            label = self.names.index(self.label)
            correlations = feature_correlations(sample, places, label, weight)
            of_categories = text_correlations(sample, label, weight)
            return FeatureAucRecord(
                negatives=0,
                positives=0,
                features={},
                correlations=dict(zip(features, correlations, strict=True))
                | dict(zip(self.categorical, of_categories, strict=True)),
            )
        of_numbers = feature_separations if self.classes else feature_aucs
        of_texts = text_separations if self.classes else text_aucs
        return FeatureAucRecord(
            negatives=sample.rows(0).shape[1],
            positives=sum(sample.rows(code).shape[1] for code in range(1, sample.classes)),
            features=dict(zip(features, of_numbers(sample, places, weight), strict=True))
            | dict(zip(self.categorical, of_texts(sample, weight), strict=True)),
        )
