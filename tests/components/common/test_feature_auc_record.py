"""Which features are named as a possible leak, and how."""

from components.common.feature_auc_record import FeatureAucRecord


def record(**features: float | None) -> FeatureAucRecord:
    return FeatureAucRecord(negatives=100, positives=100, features=features)


def test_the_limits() -> None:
    """Above 0.99 or below 0.01; a feature without enough values has no AUC."""
    assert list(record(a=0.99, b=0.01, c=0.5, d=None).warnings()) == []
    (above,) = record(a=0.5, churn_code=0.9901).warnings()
    assert above.startswith("1 feature separates the classes almost alone")
    assert above.endswith(": 'churn_code' (AUC 0.9901).")
    assert record(a=0.5, churn_code=0.9901, d=None).leaks() == {"churn_code": 0.9901}
    (below,) = record(a=0.0099).warnings()
    assert "'a' (AUC 0.0099)" in below


def test_one_sentence_for_all_features() -> None:
    """Five features are named; the others are counted."""
    (warning,) = record(**{f"f{index}": 1.0 for index in range(7)}).warnings()
    assert warning.startswith("7 features separate ")
    assert "'f4' (AUC 1.0000) and 2 more." in warning
