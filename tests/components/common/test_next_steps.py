"""What the owner of a model that is not blessed can do next."""

from typing import Any

import pytest

from components.common.commands import ON_CLUSTER, CommandOptions
from components.common.next_steps import drift_step, leave_out_step, next_steps
from components.common.verdict_record import Threshold

ROWS = (
    "Add rows (of two classes, above all the rarer one), or give the split a larger share: for example "
    "`--set data.split.eval=3 --set data.split.test=3`."
)
STUDY = "`regpipe study` shows which regularization helps on this table, and at which strength."
NARROWER = "More test rows make the intervals narrower (data.split.test)."
BLESS = '`regpipe bless --run r1 --reason "..."` publishes the model anyway.'


SERVED = (
    "The served model does better on this test split; `regpipe versions` lists the run that published it. "
    "`--set evaluation.served=off` leaves the comparison out, for example if the label has another meaning now."
)


def explained(*keys: str, mode: str = "mode") -> str:
    names = ", ".join(f"evaluation.{key}" for key in keys)
    return f"`regpipe config evaluation` explains {names} and evaluation.{mode}."


def missed(metric: str, rule: str, **changes: Any) -> Threshold:
    """A missed threshold; its sentence is its rule and its metric."""
    fields = {
        "metric": metric, "rule": rule, "direction": ">=" if metric in ("auc", "pr_auc") else "<=", "value": 0.5,
        "compared": 0.5, "bound": 0.1, "passed": False, "sentence": f"{rule} {metric}",
    }  # fmt: skip
    return Threshold.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (missed("auc", "floor"), (explained("min_auc"),)),
        (missed("pr_auc", "floor"), (explained("min_pr_auc"),)),
        (missed("brier", "floor"), (explained("max_brier"),)),
        (missed("calibration_error", "floor"), (explained("max_calibration_error"),)),
        (missed("auc", "change"), (STUDY, explained("max_auc_drop"))),
        (missed("log_loss", "change"), (STUDY, explained("max_log_loss_rise"))),
        (missed("log_loss", "base_rate"), (STUDY, explained("max_log_loss_rise"))),
        (missed("log_loss", "gap"), (STUDY, explained("max_gap"))),
        (missed("rmse", "change"), (explained("max_rmse_rise"),)),
        (missed("auc", "served"), (SERVED, explained("max_auc_drop", mode="served"))),
        (missed("log_loss", "served"), (SERVED, explained("max_log_loss_rise", mode="served"))),
    ],
)
def test_what_can_be_done_about_a_missed_threshold(item: Threshold, expected: tuple[str, ...]) -> None:
    """The key of its bound; a study, if it compares two models or two splits of classes; and a publication by hand."""
    assert next_steps([item], [item.sentence], "r1", CommandOptions(), {}) == (*expected, BLESS)


@pytest.mark.parametrize(
    ("metric", "mode", "interval", "helps"),
    [
        ("log_loss", "better", (0.05, 0.5), True),
        ("log_loss", "better", (0.1, 0.5), False),  # no value in it is below the bound, 0.1
        ("auc", "better", (0.05, 0.15), True),
        ("auc", "better", (0.05, 0.1), False),
        ("log_loss", "better", None, False),
        ("log_loss", "no_worse", (0.05, 0.5), False),  # the value was compared, not the interval
    ],
)
def test_more_rows_help_if_the_interval_is_too_wide(
    metric: str, mode: str, interval: tuple[float, float] | None, helps: bool
) -> None:
    """That is, if an end of it was compared and the other end passes."""
    item = missed(metric, "change", mode=mode, interval=interval)
    assert (NARROWER in next_steps([item], [item.sentence], "r1", CommandOptions(), {})) is helps


def test_what_can_be_done_about_too_few_rows() -> None:
    """Missed thresholds are explained too, each key once."""
    few = "the test split has 40 rows, fewer than 50 (evaluation.min_rows)"
    passed = missed("brier", "floor", passed=True)
    assert next_steps([passed], [few], "r1", CommandOptions(), {}) == (ROWS, BLESS)
    items = [missed("log_loss", "change"), missed("log_loss", "base_rate"), missed("auc", "change"), passed]
    reasons = [few, *(item.sentence for item in items[:3])]
    keys = explained("max_log_loss_rise", "max_auc_drop")
    assert next_steps(items, reasons, "r1", CommandOptions(), {}) == (ROWS, STUDY, keys, BLESS)


def test_an_undefined_threshold_that_is_no_reason_of_its_own() -> None:
    """It is undefined because of the reason, so its key is not explained."""
    undefined = missed("auc", "floor", value=None, compared=None)
    assert next_steps(
        [undefined], ["all rows of the test split (60) have the label 1"], "r1", CommandOptions(), {}
    ) == (
        ROWS,
        BLESS,
    )


def test_more_rows_do_not_help_against_predictions_that_are_nan() -> None:
    undefined = missed("auc", "floor", value=None, compared=None)
    nan = "the candidate predicts NaN for 1 of 200 rows, so its AUC can't be computed"
    assert next_steps([undefined], [nan], "r1", CommandOptions(), {}) == (BLESS,)


def test_what_can_be_done_about_an_operating_point_out_of_reach() -> None:
    """Its keys are explained; rows are missing only if there is one more reason."""
    reason = "no threshold has a precision of at least 0.9 (evaluation.operating_point.min_precision)"
    few = "the test split has 40 rows, fewer than 50 (evaluation.min_rows)"
    reach = "`regpipe config evaluation.operating_point` explains the operating point; another one may be in reach."
    assert next_steps([], [reason], "r1", CommandOptions(), {}) == (reach, BLESS)
    assert next_steps([], [few, reason], "r1", CommandOptions(), {}) == (reach, ROWS, BLESS)


def test_the_commands_are_complete() -> None:
    """They name the root and the configuration of the run; a command that trains also the table."""
    items = [missed("log_loss", "change"), missed("log_loss", "served")]
    reasons = [item.sentence for item in items]
    options = CommandOptions(
        runs=("--root", "my runs", "--config", "night.yaml"),
        training=("--root", "my runs", "--data", "a;b.csv"),
    )
    served, study, _, bless = next_steps(items, reasons, "r1", options, {})
    assert "`regpipe versions --root 'my runs' --config night.yaml`" in served
    assert study.startswith("`regpipe study --root 'my runs' --data 'a;b.csv'` shows")
    assert bless.startswith(
        "`regpipe bless --run r1 --reason \"...\" --root 'my runs' --config night.yaml` publishes"
    )
    *_, bless = next_steps(items, reasons, "r1", ON_CLUSTER, {})
    assert bless.startswith('`regpipe bless --run r1 --reason "..." --config FILE --on-cluster` publishes')


@pytest.mark.parametrize(
    ("leaks", "ids", "expected"),
    [
        ([], [], None),
        (["a"], [], "Leave out 'a' if it is not known at prediction time: add ['a'] to data.ignore."),
        ([], ["b", "c"], "Leave out 'b', 'c' if they are only ids: add ['b', 'c'] to data.ignore."),
        (
            ["a", "b"],
            ["b", "c"],  # b is both: it is named once
            "Leave out 'a', 'b' if they are not known at prediction time, and 'c' if it is only an id: add ['a', 'b', "
            "'c'] to data.ignore.",
        ),
    ],
)
def test_one_list_of_the_columns_to_leave_out(leaks: list[str], ids: list[str], expected: str | None) -> None:
    assert leave_out_step(leaks, ids) == expected


def test_what_can_be_done_about_drift() -> None:
    """The report shows how; a version that replaced another one can be replaced by it again."""
    options = CommandOptions(runs=("--root", "r"))
    assert drift_step(0, "r1", options, pushed=True, before=7) is None
    step = drift_step(2, "r1", options, pushed=True, before=7)
    assert step is not None
    assert step.startswith("2 columns have moved: `regpipe report --run r1 --open --root r` shows how.")
    assert "`regpipe rollback 7 --root r` publishes the version before again." in step
    assert "data.drift=refuse" in step
    for pushed, before in ((False, 7), (True, None)):
        assert "rollback" not in (drift_step(2, "r1", options, pushed=pushed, before=before) or "")


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [
        ({}, None),
        ({"l1": "auto", "l2": 0, "dropout": [0.0, 0.0]}, None),
        (
            {"l1": 0.01, "l2": "auto"},
            "model.l1 is fixed at 0.01, which may be too strong: `--set model.l1=auto` lets the Tuner choose.",
        ),
        (
            {"l1": [0.0, 0.1], "l2": 1},
            "model.l1 is fixed at [0.0, 0.1] and model.l2 is fixed at 1, which may be too strong: `--set model.l1=auto "
            "--set model.l2=auto` lets the Tuner choose.",
        ),
    ],
)
def test_fixed_strengths_may_be_too_strong(strengths: dict[str, Any], expected: str | None) -> None:
    """If the candidate is worse than early stopping alone; not if another condition is missed."""
    for rule, fits in (("early_stopping", True), ("change", False)):
        item = missed("log_loss", rule)
        found = next_steps([item], [item.sentence], "r1", CommandOptions(), strengths)
        assert [step for step in found if "fixed" in step] == ([expected] if expected and fits else [])


@pytest.mark.parametrize(
    ("split_by", "keys"),
    [
        ("group", "data.split.eval=3"),
        ("time", "data.split.test_from"),
        ("column", "data.split.column"),
    ],
)
def test_a_larger_split_depends_on_what_selects_it(split_by: str, keys: str) -> None:
    """A share has no effect if the time or a column selects the split."""
    few = "the test split has 9 rows, fewer than 50 (evaluation.min_rows)"
    found = next_steps([], [few], "r1", CommandOptions(), {}, split_by)
    assert keys in found[0]
