"""Says what the owner of a model that is not blessed can do next."""

from collections.abc import Sequence

from components.common.commands import BLANK, CommandOptions
from components.common.verdict_record import Threshold
from components.common.verdict_text import LOWER_IS_BETTER

OPERATING_POINT = "evaluation.operating_point"
LARGER_SPLITS = (
    "Add rows, above all of the rarer class, or give the split a larger share: for example "
    "`--set data.split.eval=3 --set data.split.test=3`."
)
# Parts of the reasons of the Evaluator that more rows remove; a prediction that is NaN needs something else.
_FEW_ROWS = ("evaluation.min_rows", "evaluation.min_positives", "have the label")


def next_steps(
    thresholds: Sequence[Threshold], reasons: Sequence[str], run_id: str, options: CommandOptions
) -> tuple[str, ...]:
    """Returns what the owner of a model that is not blessed can do, in sentences.

    Args:
        thresholds: all thresholds of the verdict.
        reasons: why it is not blessed: the sentences of missed thresholds, and others, such as too few rows.
        run_id: the id of the run.
        options: the options of the commands.
    """
    failed = [item for item in thresholds if item.sentence in reasons]
    unreachable = [reason for reason in reasons if OPERATING_POINT in reason]
    steps = []
    if unreachable:
        steps.append(
            f"`regpipe config {OPERATING_POINT}` explains the operating point; another one may be in reach."
        )
    if any(text in reason for text in _FEW_ROWS for reason in reasons):
        steps.append(LARGER_SPLITS)
    if any(item.rule == "served" for item in failed):
        steps.append(
            f"The served model does better on this test split; {options.on_runs('versions')} lists the run that "
            "published it. `--set evaluation.served=off` leaves the comparison out, for example if the label has "
            "another meaning now."
        )
    if any(item.rule not in ("floor", "served") for item in failed):
        steps.append(
            f"{options.on_table('study')} shows which regularization helps on this table, and at which strength."
        )
    if any(item.mode == "better" and _is_possible(item) for item in failed):
        steps.append("More test rows make the intervals narrower (data.split.test).")
    if failed:
        keys = dict.fromkeys((*map(_key, failed), *map(_mode_key, failed)))
        *first, last = keys
        steps.append(f"`regpipe config evaluation` explains {', '.join(first)} and {last}.")
    bless = options.on_runs("bless", "--run", run_id, "--reason", BLANK)
    steps.append(f"{bless} publishes the model anyway.")
    return tuple(steps)


def _is_possible(item: Threshold) -> bool:
    """Whether the interval also contains values that pass."""
    if item.interval is None:
        return False
    low, high = item.interval
    return low < item.bound if item.direction == "<=" else high > item.bound


def _key(item: Threshold) -> str:
    names = {
        "change": {"auc": "max_auc_drop", "log_loss": "max_log_loss_rise"},
        "base_rate": {"log_loss": "max_log_loss_rise"},
        "early_stopping": {"log_loss": "max_log_loss_rise"},
        "served": {"auc": "max_auc_drop", "log_loss": "max_log_loss_rise"},
        "gap": {"log_loss": "max_gap"},
    }
    limit = "max" if item.metric in LOWER_IS_BETTER else "min"
    name = names.get(item.rule, {}).get(item.metric, f"{limit}_{item.metric}")
    return f"evaluation.{name}"


def _mode_key(item: Threshold) -> str:
    return "evaluation.served" if item.rule == "served" else "evaluation.mode"
