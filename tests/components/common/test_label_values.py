"""Which spellings are one value of the label."""

import pytest

from components.common.label_values import canonical


@pytest.mark.parametrize(
    ("value", "spellings"),
    [
        ("1", ("1", "1.0", "01", " 1 ", "1e0", "True", "TRUE", "true ")),
        ("0", ("0", "0.0", "False", "false")),
        ("2.5", ("2.5", "2.50", "25e-1")),
        ("yes", ("yes", " yes")),
        ("Yes", ("Yes",)),  # upper and lower case are two values
        ("nan", ("nan",)),
    ],
)
def test_spellings_of_one_value(value: str, spellings: tuple[str, ...]) -> None:
    assert {canonical(text) for text in spellings} == {value}
