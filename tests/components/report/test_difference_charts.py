"""The forest plots: candidate minus each other model, with interval, limit and finding."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

from typing import Any

import pytest

from components.common.verdict_record import Verdict
from components.report.blocks import Chart
from components.report.difference_charts import difference_charts


def charts(verdict: Verdict) -> dict[str, Chart]:
    return {chart.id: chart for chart in difference_charts(verdict)}


def metric(
    candidate: float, baseline: float, early_stopped: float, base_rate: float, /, **intervals: Any
) -> Any:
    return {
        "candidate": candidate, "baseline": baseline, "early_stopped": early_stopped, "base_rate": base_rate,
        "interval": intervals,
    }  # fmt: skip


def test_a_level_for_each_other_model(sample: Any) -> None:
    """Each with its value, interval and limit; lower log loss is better; a difference below 0 is then good."""
    losses = metric(
        0.4, 0.5, 0.39, 0.69, difference=[-0.2, -0.05], penalties=[-0.01, 0.03], base_rate=[-0.4, -0.2]
    )
    limits = [
        sample.threshold(metric="log_loss", rule=rule, direction="<=", bound=bound)
        for rule, bound in (("change", 0.035), ("base_rate", 0.02))
    ]
    on_a_slice = sample.threshold(
        metric="log_loss", rule="change", direction="<=", bound=9.0, slice="age <= 30"
    )
    verdict = sample.verdict(metrics={"log_loss": losses}, thresholds=[*limits, on_a_slice])
    (chart,) = charts(verdict).values()
    assert chart.levels == ("without regularization", "early stopping alone", "base rate")
    assert [item.value for item in chart.intervals] == pytest.approx([-0.1, 0.01, -0.29])
    assert [(item.low, item.high) for item in chart.intervals] == [(-0.2, -0.05), (-0.01, 0.03), (-0.4, -0.2)]
    assert [item.limit for item in chart.intervals] == [0.035, None, 0.02]
    assert [item.finding for item in chart.intervals] == ["good", "reference", "good"]
    assert chart.mark == (0.0, "0: the same value")
    assert chart.text == (
        "Without regularization: −0.1000, −0.2000 to −0.0500, better, limit +0.0350. "
        "Early stopping alone: +0.0100, −0.0100 to +0.0300, no clear difference. "
        "Base rate: −0.2900, −0.4000 to −0.2000, better, limit +0.0200."
    )


def test_higher_auc_is_better(sample: Any) -> None:
    """A difference below 0 is then bad. The base rate has the AUC 0.5 on any rows: its interval is the candidate's."""
    areas = metric(0.9, 0.95, 0.94, 0.5, candidate=[0.85, 0.93], difference=[-0.08, -0.01])
    chart = charts(sample.verdict(metrics={"auc": areas}))["difference-auc"]
    assert [item.finding for item in chart.intervals] == ["bad", "reference", "good"]
    assert chart.intervals[2].value == pytest.approx(0.4)
    assert (chart.intervals[2].low, chart.intervals[2].high) == pytest.approx((0.35, 0.43))


def test_zero_and_all_limits_are_in_the_range(sample: Any) -> None:
    """So the line of no difference is drawn also where all differences are far from it."""
    areas = metric(0.9, 0.95, 0.94, 0.5, candidate=[0.85, 0.93], difference=[-0.08, -0.01])
    limit = sample.threshold(rule="change", bound=-0.5)
    chart = charts(sample.verdict(metrics={"auc": areas}, thresholds=[limit]))["difference-auc"]
    assert chart.x_range is not None
    assert chart.x_range[0] < -0.5
    assert chart.x_range[1] > 0.43


def test_a_limit_that_is_far_away_does_not_hide_the_rest(sample: Any) -> None:
    """The range is that of the values, and the text has the limit."""
    losses = metric(0.4, 0.5, 0.4, 0.5, difference=[-0.2, -0.05])
    limit = sample.threshold(metric="log_loss", rule="change", direction="<=", bound=9.0)
    chart = charts(sample.verdict(metrics={"log_loss": losses}, thresholds=[limit]))["difference-log-loss"]
    assert chart.x_range is not None
    assert chart.x_range[1] < 0.1
    assert "limit +9.0000" in chart.text


def test_without_other_models_there_is_no_chart(sample: Any) -> None:
    """Nor without a defined value of the candidate."""
    alone = {"candidate": 0.4}
    assert not charts(sample.verdict(metrics={"log_loss": alone}))
    assert not charts(sample.verdict(metrics={"log_loss": {"candidate": None, "baseline": 0.5}}))


def test_the_served_model_is_a_level(sample: Any) -> None:
    """With the limit of its own rule, and the interval of its own difference."""
    losses = metric(0.4, 0.5, 0.39, 0.69, served_difference=[0.01, 0.09])
    losses |= {"served": 0.35, "served_difference": 0.05}
    limit = sample.threshold(metric="log_loss", rule="served", direction="<=", bound=0.035)
    (chart,) = charts(sample.verdict(metrics={"log_loss": losses}, thresholds=[limit])).values()
    assert chart.levels == ("without regularization", "early stopping alone", "served model", "base rate")
    level = chart.intervals[2]
    assert (level.value, level.low, level.high, level.limit, level.finding) == (
        0.05,
        0.01,
        0.09,
        0.035,
        "bad",
    )
