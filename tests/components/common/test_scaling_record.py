"""Which features are named because their values were clipped, and how."""

from components.common.scaling_record import FeatureScaling, ScalingRecord


def scaling(low: float, high: float) -> FeatureScaling:
    """Makes the scaling of a feature with the bounds 0 and 2."""
    return FeatureScaling(min=low, max=high, mean=1.0, low=0.0, high=2.0, imputed=1.0)


def test_far_is_more_than_ten_widths() -> None:
    """The width is 2, so values beyond -20 and 22 are far; a column without values has none."""
    assert scaling(-20.0, 22.0).far_clipped is None
    assert scaling(-20.5, 22.0).far_clipped == "minimum -20.5, clipped to 0"
    assert scaling(-20.0, 1e9).far_clipped == "maximum 1e+09, clipped to 2"
    assert scaling(-1e9, 1e9).far_clipped == "minimum -1e+09, clipped to 0; maximum 1e+09, clipped to 2"
    assert FeatureScaling().far_clipped is None


def test_one_sentence_for_all_features() -> None:
    """Five features are named; the others are counted."""
    clean, far = scaling(0.0, 2.0), scaling(0.0, 1e9)
    assert list(ScalingRecord(features={"a": clean, "b": FeatureScaling()}).warnings()) == []
    (warning,) = ScalingRecord(features={"a": clean, "b": far}).warnings()
    assert warning.startswith(
        "1 feature has training values that are beyond the bounds by more than 10 times "
    )
    assert warning.endswith(": 'b' (maximum 1e+09, clipped to 2).")
    (warning,) = ScalingRecord(features={f"f{index}": far for index in range(7)}).warnings()
    assert warning.startswith("7 features have ")
    assert "'f4'" in warning
    assert warning.endswith(" and 2 more.")
