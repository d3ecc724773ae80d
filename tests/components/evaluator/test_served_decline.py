"""When the served model does clearly worse than in its card: by more than chance, and by more than the tolerance."""

import numpy as np
import pytest

from components.common.served_record import ServedReference
from components.common.verdict_record import ComparedMetric, MetricIntervals
from components.evaluator.served_decline import served_decline


def declined(card: float, now: float, half_card: float, half_now: float, confidence: float = 0.95) -> bool:
    """Compares two losses with intervals of these half widths; the base rate's loss is 0.7, so the tolerance 0.035."""
    reference = ServedReference(
        outcome="compared", version=7, loss=card, loss_interval=(card - half_card, card + half_card)
    )
    losses = ComparedMetric(
        candidate=now,
        served=now,
        base_rate=0.7,
        interval=MetricIntervals(served=(now - half_now, now + half_now)),
    )
    return served_decline(reference, "log_loss", losses, confidence) is not None


@pytest.mark.parametrize(
    ("rise", "half_card", "half_now", "expected"),
    [
        # 3.0902 / 1.9600 * sqrt(0.03^2 + 0.04^2) = 0.0788
        (0.078, 0.03, 0.04, False),
        (0.080, 0.03, 0.04, True),
        # 3.0902 / 1.9600 * sqrt(0.003^2 + 0.004^2) = 0.0079: the tolerance decides
        (0.034, 0.003, 0.004, False),
        (0.036, 0.003, 0.004, True),
        (-0.5, 0.03, 0.04, False),
    ],
)
def test_the_limits(rise: float, half_card: float, half_now: float, expected: bool) -> None:
    assert declined(0.4, 0.4 + rise, half_card, half_now) is expected


def test_the_limit_follows_the_confidence_of_the_intervals() -> None:
    """The intervals of the same rows are wider at 99%: 3.0902 / 2.5758 * 0.05 = 0.0600."""
    assert not declined(0.4, 0.459, 0.03, 0.04, 0.99)
    assert declined(0.4, 0.461, 0.03, 0.04, 0.99)


def test_chance_alone_warns_in_less_than_one_of_500_tables() -> None:
    """Two samples of one distribution with a standard error of 0.05 each, 20,000 times; 20 are expected."""
    random = np.random.default_rng(0)
    losses = random.normal(0.45, 0.05, size=(20_000, 2))
    half = 1.96 * 0.05
    assert 0 < sum(declined(card, now, half, half) for card, now in losses) < 40
