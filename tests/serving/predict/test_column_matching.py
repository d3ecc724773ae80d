"""Matching of columns and inputs: by the card, by name, or by the rule for names; and its errors."""

from collections.abc import Mapping, Sequence

import pytest

from components.common.errors import DataRefused
from components.saved_model.input_names import input_names
from serving.predict.column_matching import match_columns


def matched(
    columns: Sequence[str], inputs: Sequence[str], card: Mapping[str, str] | None = None
) -> dict[str, str]:
    found, absent = match_columns(columns, inputs, card or {}, table="t.csv", allow_missing=False)
    assert absent == ()
    return found


def refusal(columns: Sequence[str], inputs: Sequence[str], card: Mapping[str, str] | None = None) -> str:
    with pytest.raises(DataRefused) as caught:
        match_columns(columns, inputs, card or {}, table="t.csv", allow_missing=False)
    return str(caught.value)


@pytest.mark.parametrize(
    "features",
    [
        ["f0", "f1"],
        ["total day minutes", "été", "1st", "class", "pay_bytes"],
        ["total day minutes", "total-day minutes", "total_day_minutes"],
        ["F0", "f0", "f0_2"],
        ["Ä", "ä", "f__"],
        ["a=b", "a b", '"', "<script>", "年 龄"],
    ],
)
def test_every_feature_is_found_without_a_card(features: list[str]) -> None:
    """Features are matched with the names that `input_names` gives them, also among other columns."""
    inputs = input_names(features)
    assert matched([*features, "id", "label"], inputs) == dict(zip(inputs, features, strict=True))


def test_a_column_that_has_the_name_of_an_input_is_that_input() -> None:
    """It wins over a column whose name would be changed to it; a table may have the inputs' names."""
    assert matched(["a b", "a_b"], ["a_b"]) == {"a_b": "a_b"}
    assert matched(["a_b", "x"], ["a_b"], {"a_b": "a b"}) == {"a_b": "a_b"}


def test_the_card_decides() -> None:
    """With a card, the feature's own name comes first."""
    assert matched(["a b", "a-b", "a_b"], ["a_b"], {"a_b": "a-b"}) == {"a_b": "a-b"}


def test_several_columns_may_be_meant() -> None:
    assert refusal(["a b", "a-b", "label"], ["a_b"]) == (
        "t.csv: expected one column for the model's input 'a_b', found 'a b', 'a-b'. "
        "--card takes the model_card.json, which contains the right one."
    )
    assert "for the model's input 'a_b_2', found 'a b', 'a-b'." in refusal(
        ["a_b", "a b", "a-b"], ["a_b", "a_b_2"]
    )


def test_a_number_behind_a_name_is_no_guess() -> None:
    """`x` is not matched with `x_2`, unless another feature is `x`."""
    assert refusal(["x", "y"], ["x_2", "y"]).startswith(
        "t.csv: expected the model's feature 'x_2', found only"
    )


def test_a_missing_feature() -> None:
    """The message has all missing features, and a suggestion from the other columns."""
    assert refusal(["f0", "F1", "label"], ["f0", "f1"]) == (
        "t.csv: expected the model's feature 'f1', found only the columns 'f0', 'F1', 'label'. Did you mean 'F1'? "
        "--allow-missing treats all their cells as empty."
    )
    assert refusal(["f0"], ["f0", "a_b", "f9"], {"f0": "f0", "a_b": "a b", "f9": "f9"}) == (
        "t.csv: expected the model's features 'a b', 'f9', found only the columns 'f0'. "
        "--allow-missing treats all their cells as empty."
    )


def test_missing_features_may_be_allowed_but_not_all_of_them() -> None:
    assert match_columns(["f0"], ["f0", "f1"], {}, table="t.csv", allow_missing=True) == (
        {"f0": "f0"},
        ("f1",),
    )
    with pytest.raises(DataRefused):
        match_columns(["x"], ["f0", "f1"], {}, table="t.csv", allow_missing=True)


def test_a_card_of_another_model() -> None:
    assert refusal(["f0"], ["f0"], {"f0": "f0", "f1": "f1"}) == (
        "expected the card of the model, got one that differs in the inputs 'f1'."
    )


def test_allow_missing_is_not_advised_if_it_is_given() -> None:
    """If no feature has a column, the message says what --allow-missing needs."""
    with pytest.raises(DataRefused) as refused:
        match_columns(["zz"], ["f0", "f1"], {}, table="--row", allow_missing=True)
    assert str(refused.value) == (
        "--row: expected the model's features 'f0', 'f1', found only the columns 'zz'. "
        "--allow-missing needs a column for at least one of them."
    )
