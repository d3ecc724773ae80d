"""Cron expressions that Kubeflow Pipelines would misread, or that match no date, are refused."""

import datetime
import itertools

import pytest

from pipeline_def.config import cron
from tests.standins.kfp_api import robfig

SIX = "expected six fields, seconds first, such as '0 30 2 * * *' (every day at 02:30:00)"
MIDNIGHT = datetime.datetime(2027, 3, 1, tzinfo=datetime.UTC)  # a Monday


def first(spec: str, number: int) -> list[str]:
    """The first times at which Kubeflow Pipelines' scheduler would fire after MIDNIGHT, by an independent parser."""
    return [f"{time:%a %H:%M:%S}" for time in itertools.islice(robfig.times(spec, MIDNIGHT), number)]


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("0 30 2 * * *", ["Mon 02:30:00", "Tue 02:30:00"]),
        ("0 0 9 ? * MON-fri", ["Mon 09:00:00", "Tue 09:00:00"]),
        ("0 */20 8-9 * * 2", ["Tue 08:00:00", "Tue 08:20:00"]),
        ("5/25 0 0 * * *", ["Mon 00:00:05", "Mon 00:00:30", "Mon 00:00:55"]),
        ("0 0 0 1,15 mar,apr *", ["Mon 00:00:00", "Thu 00:00:00"]),  # 15 March, 1 April
        ("0 0 0 30 2 1", ["Mon 00:00:00"]),  # there are Mondays in February
    ],
)
def test_six_fields_are_accepted(expression: str, times: list[str]) -> None:
    """Ranges, lists, steps, names, `*` and `?` are accepted, and the scheduler fires at the expected times."""
    cron.check(expression)
    assert first(expression, len(times)) == times


def test_five_fields_are_refused_as_the_scheduler_misreads_them() -> None:
    """A crontab's 02:30 is read as 2 minutes and 30 seconds past each hour; the message contains six fields instead."""
    assert first("30 2 * * *", 2) == ["Mon 00:02:30", "Mon 01:02:30"]
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        cron.check("30 2 * * *")
    assert str(refused.value) == (
        "expected six fields, seconds first, such as '0 30 2 * * *' (every day at 02:30:00), got 5 in '30 2 * * *'; "
        "a crontab's five fields are written '0 30 2 * * *'"
    )
    assert first("0 30 2 * * *", 1) == ["Mon 02:30:00"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", f"{SIX}, got 0 in ''"),
        ("@daily", f"{SIX}, got 1 in '@daily'"),
        ("60 0 0 * * *", "expected 0 to 59, *, ranges, lists or steps as the second, got '60'"),
        ("0 0 24 * * *", "expected 0 to 23, *, ranges, lists or steps as the hour, got '24'"),
        ("0 0 0 0 * *", "expected 1 to 31, *, ranges, lists or steps as the day of the month, got '0'"),
        ("0 0 0 L * *", "expected 1 to 31, *, ranges, lists or steps as the day of the month, got 'L'"),
        (
            "0 0 0 * * 7",
            "expected 0 to 6 or sun, mon, tue, wed, thu, fri, sat, *, ranges, lists or steps as the day of the week, "
            "got '7'",
        ),
        ("0 0 5-2 * * *", "expected an ascending range in the hour, got '5-2'"),
        ("0 */0 * * * *", "expected a whole number >= 1 after / in the minute, got '*/0'"),
        ("0 1,,2 * * * *", "expected 0 to 59, *, ranges, lists or steps as the minute, got '1,,2'"),
        ("0 1-2-3 * * * *", "expected 0 to 59, *, ranges, lists or steps as the minute, got '1-2-3'"),
        ("0 ٣ * * * *", "expected 0 to 59, *, ranges, lists or steps as the minute, got '٣'"),
        ("0 0 0 30 feb *", "expected a day that exists in the month, got day 30 in month feb"),
        ("0 0 0 31 4,6 ?", "expected a day that exists in the month, got day 31 in month 4,6"),
    ],
)  # fmt: skip
def test_other_expressions_are_refused(expression: str, message: str) -> None:
    """A wrong number of fields, a value out of its field's range, and a day that does not exist."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        cron.check(expression)
    assert str(refused.value) == message


@pytest.mark.parametrize("field", range(6))
def test_each_number_is_accepted_or_refused_as_by_the_scheduler(field: int) -> None:
    """For 0 to 99 in each field, the check and the scheduler's parser agree."""
    for number in range(100):
        fields = ["0", "0", "0", "1", "1", "*"]
        fields[field] = str(number)
        outcomes = []
        for check in (cron.check, robfig.parse):
            try:
                check(" ".join(fields))
            except ValueError:
                outcomes.append("refused")
            else:
                outcomes.append("accepted")
        assert outcomes[0] == outcomes[1], (field, number)


def test_a_day_that_does_not_exist_never_fires() -> None:
    """The scheduler accepts 30 February, and finds no time within five years."""
    assert first("0 0 0 30 2 *", 1) == []
    assert first("0 0 0 29 2 *", 1) == ["Tue 00:00:00"]  # 2028
