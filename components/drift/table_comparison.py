"""Compares the statistics of two training splits.

All checks of one comparison share an error probability of 0.001 (Bonferroni), so two samples of one distribution give
no finding in at least 999 of 1,000 tables, for any number of rows and features.
"""

from collections.abc import Iterator
from math import e, floor, log

from components.common.drift_record import DriftFinding, ReferenceKind, TableComparison
from components.common.formatting import percent
from components.common.training_statistics import ColumnStatistics, TrainingStatistics
from components.drift.feature_comparison import CHECKS, FeatureComparison, FeatureSample
from components.drift.significance import share_p_value
from components.drift.text_comparison import TextComparison, TextSample

# The probability that two samples of one distribution give a finding.
ERROR = 0.001
# The odds of label 1 must change by more than this factor.
MIN_ODDS_RATIO = 1.25
_CHECKS_OF_THE_LABEL = 1


def compare(
    kind: ReferenceKind, name: str, reference: TrainingStatistics, new: TrainingStatistics
) -> TableComparison:
    """Compares the features that both have, and the label. What exceeds its limit most comes first, after the label.

    Args:
        kind: what the reference is.
        name: the reference in words.
        reference: the statistics to compare with.
        new: the statistics of the new table.
    """
    before = {column.name: column for column in reference.columns}
    now = {column.name: column for column in new.columns}
    common = [feature for feature in now if feature in before]
    texts_before = {column.name: column for column in reference.texts}
    texts = [(texts_before[column.name], column) for column in new.texts if column.name in texts_before]
    checks = _checks(len(common) + len(texts), reference)
    alpha = ERROR / checks
    of_label = _compared_label(reference, new, alpha)
    if of_label is not None:
        label = [finding.model_copy(update={"kind": "label"}) for finding in of_label.findings()]
    else:
        label = list(_odds(reference, new, alpha))
    findings, features, distributions = [], [], {}
    for feature in common:
        sides = _sample(before[feature], reference), _sample(now[feature], new)
        compared = FeatureComparison(*sides, alpha)
        found = list(compared.findings())
        findings += found
        features.append(compared.measured())
        if any(finding.kind in ("distribution", "unseen") for finding in found):
            distributions[feature] = compared.distributions()
    for of_reference, of_new in texts:
        of_text = TextComparison(
            TextSample(of_reference, reference.effective_rows), TextSample(of_new, new.effective_rows), alpha
        )
        findings += of_text.findings()
        features.append(of_text.measured())
    findings.sort(key=lambda finding: -finding.value / finding.threshold)
    order = dict.fromkeys(finding.feature for finding in findings)
    return TableComparison(
        kind=kind,
        name=name,
        rows_before=reference.rows,
        rows_now=new.rows,
        label_before=reference.positive_share if reference.has_two_classes else None,
        label_now=new.positive_share if new.has_two_classes else None,
        label=of_label.measured() if of_label else None,
        checks=checks,
        findings=(*label, *findings),
        features=tuple(features),
        distributions=tuple(distributions[feature] for feature in order if feature in distributions),
        added=tuple(feature for feature in now if feature not in before),
        gone=tuple(feature for feature in before if feature not in now),
    )


def fewest_rows(reference: TrainingStatistics) -> int | None:
    """Returns how many rows a table needs so that a feature in it can move by more than chance.

    The largest Kolmogorov-Smirnov distance is 1, so fewer rows could not show any shift.

    Returns:
        The number of rows; None if the reference itself has too few rows for a table of any size.
    """
    # The solution of `kolmogorov_smirnov_threshold(reference, rows, alpha) = 1`.
    features = len(reference.columns) + len(reference.texts)
    left = 2 / log(e * _checks(features, reference) / ERROR) - 1 / max(1.0, reference.effective_rows)
    return None if left <= 0 else floor(1 / left) + 1


def _checks(features: int, reference: TrainingStatistics) -> int:
    """Returns the number of checks: a label of numbers or of several classes has those of a feature."""
    return CHECKS * features + (_CHECKS_OF_THE_LABEL if reference.has_two_classes else CHECKS)


def _sample(column: ColumnStatistics, table: TrainingStatistics) -> FeatureSample:
    return FeatureSample(column, column.points, table.effective_rows)


def _compared_label(
    reference: TrainingStatistics, new: TrainingStatistics, alpha: float
) -> FeatureComparison | TextComparison | None:
    """Compares a label of numbers, or of more than two classes, as a feature; None if one side has no such label."""
    if reference.label != new.label:
        return None
    if reference.label_numbers is not None and new.label_numbers is not None:
        return FeatureComparison(
            _sample(reference.label_numbers, reference), _sample(new.label_numbers, new), alpha
        )
    if reference.label_classes is not None and new.label_classes is not None:
        return TextComparison(
            TextSample(reference.label_classes, reference.effective_rows),
            TextSample(new.label_classes, new.effective_rows),
            alpha,
        )
    return None


def _odds(reference: TrainingStatistics, new: TrainingStatistics, alpha: float) -> Iterator[DriftFinding]:
    if reference.label != new.label or not (reference.has_two_classes and new.has_two_classes):
        return
    shares = reference.positive_share, new.positive_share
    before, after = (
        (share * table.effective_rows, table.effective_rows)
        for share, table in zip(shares, (reference, new), strict=True)
    )
    if not before[1] or not after[1] or share_p_value(before, after) > alpha:
        return
    # Half a row is added to each class, so that a table with one class has finite odds.
    odds = [(count + 0.5) / (rows - count + 0.5) for count, rows in (before, after)]
    ratio = odds[1] / odds[0]
    if max(ratio, 1 / ratio) > MIN_ODDS_RATIO:
        yield DriftFinding(
            feature=reference.label,
            kind="label",
            measure="odds_ratio",
            value=ratio,
            threshold=MIN_ODDS_RATIO if ratio > 1 else 1 / MIN_ODDS_RATIO,
            before=f"label 1 in {percent(shares[0])}",
            now=f"label 1 in {percent(shares[1])}",
        )
