"""Lists the metrics of a run's summary under flat names, for systems that display one number under one name."""

from pipeline_def.runs.summary import Summary


def metric_values(summary: Summary) -> dict[str, float]:
    """Returns the defined metrics on the test split, by names such as `candidate_auc` and `operating_point_recall`."""
    found = summary.metrics.model_dump() if summary.metrics else {}
    if point := summary.operating_point:
        decisions = {name: metric.test for name, metric in point.metrics.items()}
        found["operating_point"] = {"threshold": point.threshold, **decisions}
    return {
        f"{group}_{name}": value
        for group, metrics in found.items()
        for name, value in (metrics or {}).items()
        if value is not None  # None: undefined
    }


def interval_values(summary: Summary) -> dict[str, float]:
    """Returns both ends of the intervals on the test split, by names such as `difference_auc_low`."""
    found: dict[str, float] = {}
    if summary.intervals is None:
        return found
    for metric, intervals in summary.intervals.by_metric.items():
        for group, interval in intervals.model_dump().items():
            for end, value in zip(("low", "high"), interval or (), strict=False):
                if value is not None:
                    found[f"{group}_{metric}_{end}"] = value
    return found
