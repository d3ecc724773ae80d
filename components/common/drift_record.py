"""The drift record: how far a new table is from earlier ones. DriftGate stores it as `drift.json` in its artifact.

The summary, the terminal and the report read it.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.common.file_names import DRIFT_FILE
from components.common.stored_record import StoredRecord

# What is compared with: the training data of the served model, or the span before.
ReferenceKind = Literal["served", "span"]
DriftKind = Literal["distribution", "missing", "unseen", "label"]
DriftMeasure = Literal["ks", "psi", "l_infinity", "share", "odds_ratio"]
DriftMode = Literal["warn", "refuse", "off"]


class _DriftPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DriftFinding(_DriftPart):
    """One difference that chance does not explain and that is large enough to matter.

    Attributes:
        feature: the name of the feature, or of the label.
        kind: `distribution`: its values; `missing`: the share of missing values; `unseen`: the share of values that
            the reference does not have; `label`: the label, by any measure.
        measure: `ks`: Kolmogorov-Smirnov distance; `psi`: population stability index; `l_infinity`: the largest
            difference of the share of one value; `share`: the difference of two shares; `odds_ratio`: the odds of
            label 1, divided by those of before.
        value: the measure.
        threshold: what the measure had to exceed.
        before, now: both tables in a few words: "median 34 (90%: 21 to 58)", "0.0% missing".
    """

    feature: str
    kind: DriftKind
    measure: DriftMeasure
    value: float
    threshold: float
    before: str
    now: str


class FeatureDrift(_DriftPart):
    """The measures of one feature, whether it moved or not.

    Attributes:
        feature: its name.
        values: `numbers`, or `categories` if the reference has few distinct values.
        limit: what `ks` or `l_infinity` must exceed; None if there is neither, or an earlier version wrote the record.
        ks, psi: of numbers; None for categories, or if a side has no value.
        l_infinity, jensen_shannon: of categories.
        unseen: the share of new values beyond the range of the reference, or not among its categories.
        missing_before, missing_now: the shares of missing values.
    """

    feature: str
    values: Literal["numbers", "categories"]
    ks: float | None = None
    psi: float | None = None
    l_infinity: float | None = None
    jensen_shannon: float | None = None
    unseen: float | None = None
    missing_before: float
    missing_now: float
    limit: float | None = None


class DistributionPair(_DriftPart):
    """Both distributions of a feature that moved, for a plot: the shares between `edges`, [edges - 1].

    Values beyond the outer edges are counted in the outer bins.
    """

    feature: str
    edges: tuple[float, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]


class TableComparison(_DriftPart):
    """The comparison with one reference.

    Attributes:
        kind: what the reference is.
        name: the reference in words: "the training data of version 3", "span 20240130".
        rows_before, rows_now: the rows of both training splits, or of the table that `regpipe drift` reads.
        label_before, label_now: the share of label 1; `label_now` is None if the new rows have no label, and both are
            None if the label is a number or has more than two classes.
        label: the measures of the label, if it is a number or has more than two classes, and the new rows have it.
        checks: the number of checks, which share the error probability of 0.001.
        findings: what moved.
        features: the measures of each feature that both have.
        distributions: both distributions of each feature whose values moved.
        added, gone: the features that only the new table, or only the reference, has.
    """

    kind: ReferenceKind
    name: str
    rows_before: int
    rows_now: int
    label_before: float | None
    label_now: float | None
    label: FeatureDrift | None = None
    checks: int
    findings: tuple[DriftFinding, ...] = ()
    features: tuple[FeatureDrift, ...] = ()
    distributions: tuple[DistributionPair, ...] = ()
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def moved(self) -> frozenset[str]:
        """The names of the columns that moved."""
        return frozenset(finding.feature for finding in self.findings)


class DriftRecord(StoredRecord):
    """How far the new table is from each reference.

    Attributes:
        format_version: the version of the format.
        mode: data.drift; `refuse` in the record of `regpipe drift`.
        comparisons: one for each reference that there is.
        notes: why there is no comparison with a reference, one sentence each.
    """

    file_name = DRIFT_FILE
    description = "a drift record"

    format_version: Literal[1] = 1
    mode: DriftMode
    comparisons: tuple[TableComparison, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def has_findings(self) -> bool:
        """Whether anything moved."""
        return any(comparison.findings for comparison in self.comparisons)
