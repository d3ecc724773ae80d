"""Says what the owner of a run can do next: about its data, and about a model that is not blessed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.common.commands import BLANK, CommandOptions
from components.common.formatting import first_of, plural
from components.common.verdict_record import Threshold
from components.tasks.known_tasks import METRICS, task_with

OPERATING_POINT = "evaluation.operating_point"
_LARGER_SHARE = "give the split a larger share: for example `--set data.split.eval=3 --set data.split.test=3`"
# By data.split.by: how a split gets more rows of the same table.
_LARGER_SPLIT = {
    "row": _LARGER_SHARE,
    "group": _LARGER_SHARE,
    "time": "move its edge (data.split.eval_from, data.split.test_from)",
    "column": "name the split in more rows (data.split.column)",
}
_NARROWER = {
    "row": "data.split.test",
    "group": "data.split.test",
    "time": "data.split.test_from",
    "column": "data.split.column",
}
_MAX_NAMED = 10  # columns
# Parts of the reasons of the Evaluator that more rows remove; a prediction that is NaN needs something else.
_FEW_ROWS = ("evaluation.min_rows", "evaluation.min_positives", "evaluation.min_groups", "have the label")


def next_steps(
    thresholds: Sequence[Threshold],
    reasons: Sequence[str],
    run_id: str,
    options: CommandOptions,
    strengths: Mapping[str, Any],
    split_by: str = "row",
) -> tuple[str, ...]:
    """Returns what the owner of a model that is not blessed can do, in sentences.

    Args:
        thresholds: all thresholds of the verdict.
        reasons: why it is not blessed: the sentences of missed thresholds, and others, such as too few rows.
        run_id: the id of the run.
        options: the options of the commands.
        strengths: the configured l1, l2 and dropout; empty if they are unknown.
        split_by: data.split.by.
    """
    failed = [item for item in thresholds if item.sentence in reasons]
    unreachable = [reason for reason in reasons if OPERATING_POINT in reason]
    steps = []
    if unreachable:
        steps.append(
            f"`regpipe config {OPERATING_POINT}` explains the operating point; another one may be in reach."
        )
    if any(text in reason for text in _FEW_ROWS for reason in reasons):
        steps.append(larger_splits(split_by))
    if any(item.rule == "served" for item in failed):
        steps.append(
            f"The served model does better on this test split; {options.on_runs('versions')} lists the run that "
            "published it. `--set evaluation.served=off` leaves the comparison out, for example if the label has "
            "another meaning now."
        )
    if any(item.rule == "early_stopping" for item in failed):
        steps += _fixed_strengths(strengths)
    # A study compares only classifiers of two classes.
    if any(item.rule not in ("floor", "served") and task_with(item.metric).has_positive for item in failed):
        steps.append(
            f"{options.on_table('study')} shows which regularization helps on this table, and at which strength."
        )
    if any(item.mode == "better" and _is_possible(item) for item in failed):
        steps.append(f"More test rows make the intervals narrower ({_NARROWER[split_by]}).")
    if failed:
        keys = dict.fromkeys((*map(_key, failed), *map(_mode_key, failed)))
        *first, last = keys
        steps.append(f"`regpipe config evaluation` explains {', '.join(first)} and {last}.")
    bless = options.on_runs("bless", "--run", run_id, "--reason", BLANK)
    steps.append(f"{bless} publishes the model anyway.")
    return tuple(steps)


def larger_splits(split_by: str) -> str:
    """Returns what can be done about a split with too few rows; `split_by` is data.split.by."""
    return f"Add rows (of two classes, above all the rarer one), or {_LARGER_SPLIT[split_by]}."


def leave_out_step(leaks: Sequence[str], ids: Sequence[str]) -> str | None:
    """Returns which columns may have to be left out, in one sentence with one list for data.ignore; None if none.

    >>> leave_out_step(["code"], ["customer", "row"])
    "Leave out 'code' if it is not known at prediction time, and 'customer', 'row' if they are only ids: add ['code', \
'customer', 'row'] to data.ignore."

    Args:
        leaks: the features that separate the classes almost alone.
        ids: the features that may be ids.
    """
    only_ids = [name for name in ids if name not in leaks]
    parts = [
        *([f"{_named(leaks)} if {_they(leaks)} not known at prediction time"] if leaks else []),
        *([f"{_named(only_ids)} if {_they(only_ids)} only {_ids(only_ids)}"] if only_ids else []),
    ]
    if not parts:
        return None
    return f"Leave out {', and '.join(parts)}: add [{_named([*leaks, *only_ids])}] to data.ignore."


def _named(names: Sequence[str]) -> str:
    return first_of([*map(repr, names)], _MAX_NAMED)


def _they(names: Sequence[str]) -> str:
    return "it is" if len(names) == 1 else "they are"


def _ids(names: Sequence[str]) -> str:
    return "an id" if len(names) == 1 else "ids"


def drift_step(
    moved: int, run_id: str, options: CommandOptions, *, pushed: bool, before: int | None
) -> str | None:
    """Returns what can be done about data that has moved, in sentences; None if nothing moved.

    Args:
        moved: how many columns have moved.
        run_id: the id of the run.
        options: the options of the commands.
        pushed: whether the model of the run was published.
        before: the version that was served before; None if there was none.
    """
    if not moved:
        return None
    report = options.on_runs("report", "--run", run_id, "--open")
    step = (
        f"{plural(moved, 'column has', 'columns have')} moved: {report} shows how. If the new values are right, "
        "nothing is to be done; if not, correct the table and run again."
    )
    if pushed and before is not None:
        step += f" {options.on_runs('rollback', str(before))} publishes the version before again."
    return f"{step} `--set data.drift=refuse` stops such a run before it trains."


def _fixed_strengths(strengths: Mapping[str, Any]) -> Iterator[str]:
    """Yields a sentence on the strengths that are fixed and may be too strong, if any."""
    fixed = {f"model.{name}": value for name, value in strengths.items() if _is_on(value)}
    if fixed:
        named = " and ".join(f"{key} is fixed at {value}" for key, value in fixed.items())
        auto = " ".join(f"--set {key}=auto" for key in fixed)
        yield f"{named}, which may be too strong: `{auto}` lets the Tuner choose."


def _is_on(value: Any) -> bool:
    """Whether a configured strength is a number above 0, or a list with one."""
    return (
        any(map(_is_on, value))
        if isinstance(value, list | tuple)
        else isinstance(value, int | float) and value > 0
    )


def _is_possible(item: Threshold) -> bool:
    """Whether the interval also contains values that pass."""
    if item.interval is None:
        return False
    low, high = item.interval
    return low < item.bound if item.direction == "<=" else high > item.bound


def _key(item: Threshold) -> str:
    metric = METRICS[item.metric]
    names = {"floor": metric.limit, "gap": "max_gap"}
    return f"evaluation.{names.get(item.rule, metric.tolerance)}"


def _mode_key(item: Threshold) -> str:
    return "evaluation.served" if item.rule == "served" else "evaluation.mode"
