"""The strengths that are tried, how they depend on the rows, and the one-standard-error rule, by hand."""

import math

import numpy as np
import pytest

from components.config.model import ModelConfig
from components.config.tuning import TuningConfig
from components.tuner.strengths import choose, combinations, for_all_rows, standard_error

TUNING = TuningConfig(l1=(0.0, 1e-4), l2=(0.0, 1e-3), dropout=(0.0, 0.25))


def test_all_combinations_of_what_is_auto() -> None:
    """The lists are for 1,000 rows: for 500 the penalties are twice as strong; dropout is as listed."""
    assert combinations(ModelConfig(l2=0.5), TUNING, 500) == [
        {"l1": 0.0, "dropout": 0.0},
        {"l1": 0.0, "dropout": 0.25},
        {"l1": 2e-4, "dropout": 0.0},
        {"l1": 2e-4, "dropout": 0.25},
    ]


def test_the_defaults_include_no_regularization() -> None:
    """The first of the 24 combinations has no strength at all."""
    found = combinations(ModelConfig(), TuningConfig(), 600)
    assert len(found) == 24
    assert found[0] == {"l1": 0.0, "l2": 0.0, "dropout": 0.0}


def test_dropout_does_not_apply_without_a_hidden_layer() -> None:
    assert [set(found) for found in combinations(ModelConfig(hidden_units=()), TUNING, 500)] == [
        {"l1", "l2"}
    ] * 4


def test_strengths_have_three_digits() -> None:
    """1e-4 * 1,000 / 607 = 0.00016474: short enough to type."""
    assert combinations(ModelConfig(l2=0.0, dropout=0.0), TUNING, 607)[1] == {"l1": 0.000165}


def test_more_rows_need_weaker_strengths() -> None:
    """For ten times as many rows: penalties / 10; dropout 0.25 has the odds 1/3, and 1/30 is a rate of 1/31."""
    assert for_all_rows({"l1": 1e-3, "l2": 0.0, "dropout": 0.25}, 200, 2_000) == {
        "l1": 1e-4,
        "l2": 0.0,
        "dropout": pytest.approx(1 / 31, rel=2e-3),
    }
    assert for_all_rows({"l1": 0.12345}, 200, 200) == {"l1": 0.12345}


# Four rows. The best network has a mean loss of 1.0.
BEST = [1.0, 1.0, 1.0, 1.0]
# It differs by 0.0, 0.1, -0.1 and 0.1: mean 0.025, standard deviation 0.0957, standard error 0.0479.
CLOSE = [1.0, 1.1, 0.9, 1.1]
# It differs by 0.1, 0.1, 0.1 and 0.1: mean 0.1, standard error 0.
WORSE = [1.1, 1.1, 1.1, 1.1]


@pytest.mark.parametrize(
    ("zero_share", "tolerance", "expected"),
    [
        ((0.0, 0.5, 0.9), 1.0, 1),  # within one standard error, and sparser
        ((0.6, 0.5, 0.9), 1.0, 0),  # the best is sparser
        ((0.0, 0.5, 0.9), 0.026, 1),
        ((0.0, 0.5, 0.9), 0.024, 0),  # beyond the tolerance
        ((0.0, 0.5, 0.9), 0.0, 0),
        ((0.0, 0.0, 0.9), 1.0, 0),  # no close network has a zero weight
        ((0.5, 0.5, 0.9), 1.0, 0),  # of two that are equally sparse, the better one
    ],
)
def test_the_sparsest_within_one_standard_error(
    zero_share: tuple[float, ...], tolerance: float, expected: int
) -> None:
    assert choose(np.array([BEST, CLOSE, WORSE]), np.array(zero_share), tolerance) == expected


def test_a_diverged_network_is_never_chosen() -> None:
    losses = np.array([[math.inf] * 4, BEST, CLOSE])
    assert choose(losses, np.array([1.0, 0.0, 0.0]), 1.0) == 1


def test_the_mean_loss_is_weighted() -> None:
    """Unweighted, the first network has the lower mean; with these weights the second."""
    losses, zeros = np.array([[0.1, 0.9], [0.6, 0.5]]), np.zeros(2)
    assert choose(losses, zeros, 0.0) == 0
    assert choose(losses, zeros, 0.0, np.array([1.0, 3.0])) == 1


def test_the_weighted_standard_error() -> None:
    """By hand: the mean of 1, 2, 5 with weights 2, 1, 1 is 9/4; the residuals times weights are -5/2, -1/4, 11/4.

    So the squared error is 3/2 * (25/4 + 1/16 + 121/16) / 16. Equal weights of any scale give the usual formula.
    """
    values = np.array([[1.0, 2.0, 5.0]])
    expected = math.sqrt(1.5 * (25 / 4 + 1 / 16 + 121 / 16) / 16)
    assert standard_error(values, np.array([2.0, 1.0, 1.0])) == pytest.approx([expected])
    usual = math.sqrt(((5 / 3) ** 2 + (2 / 3) ** 2 + (7 / 3) ** 2) / 2 / 3)
    for weights in (None, np.ones(3), np.full(3, 0.01)):
        assert standard_error(values, weights) == pytest.approx([usual])


def test_one_row_has_no_standard_error() -> None:
    assert choose(np.array([[1.0], [1.1]]), np.array([0.0, 0.5]), 1.0) == 0
