"""The keys under `kubeflow`: which values are refused with which message, and how times are normalized."""

import pytest

from pipeline_def.config.load import ConfigError, PipelineConfig, load_config

MOMENT = "expected a date and time with its offset from UTC, such as 2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (
            ["schedule.cron=30 2 * * *"],
            "schedule.cron: expected six fields, seconds first, such as '0 30 2 * * *' (every day at 02:30:00), "
            "got 5 in '30 2 * * *'; a crontab's five fields are written '0 30 2 * * *'",
        ),
        (["schedule.interval=0"], "schedule.interval: expected a whole number >= 1 or null, got 0"),
        (
            ["schedule.interval=60", "schedule.cron=0 0 0 * * *"],
            "schedule.interval: expected either cron or interval, got both",
        ),
        (["schedule.concurrency=11"], "schedule.concurrency: expected a whole number >= 1 and <= 10, got 11"),
        (["schedule.start=2027-01-01"], f"schedule.start: {MOMENT}, got '2027-01-01'"),
        (["schedule.end=tomorrow"], f"schedule.end: {MOMENT}, got 'tomorrow'"),
        (
            ["schedule.start=2027-01-02T00:00:00Z", "schedule.end=2027-01-02T01:00:00+02:00"],
            "schedule.end: expected a time after kubeflow.schedule.start (2027-01-02T00:00:00Z), "
            "got 2027-01-01T23:00:00Z",
        ),
        (["schedule.parameters=[span]"], "schedule.parameters: expected name=value, got 'span'"),
        (["schedule.parameters=[a=1, a=2]"], "schedule.parameters: expected each parameter once, got a 2 times"),
        (
            ["host=kubeflow:8080"],
            "host: expected an address such as https://kubeflow.example.org/pipeline, got 'kubeflow:8080'",
        ),
        (
            ["host=https://ann:secret@kubeflow"],
            "host: expected an address without a user or a password; see kubeflow.auth",
        ),
        (
            ["host=https://kubeflow", "auth=kubeconfig"],
            "host: expected none if kubeflow.auth is kubeconfig, which contains the host, got 'https://kubeflow'",
        ),
        (
            ["root=gs://b/r", "volume=regpipe"],
            "volume: expected null if kubeflow.root is on gs://, because nothing is mounted there, got 'regpipe'",
        ),
        (["auth=token"], "auth: expected none, bearer, service_account or kubeconfig, got 'token'"),
        (["namespace=Ann"], "namespace: expected lower-case letters, digits and hyphens (at most 63), got 'Ann'"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(overrides: list[str], problem: str) -> None:
    """The message has the key, the expectation and the value, but never a password in an address."""
    with pytest.raises(ConfigError) as refused:
        load_config(None, [f"kubeflow.{override}" for override in overrides])
    assert refused.value.problems == (f"--set: kubeflow.{problem}",)


def test_a_root_on_an_object_store_has_no_volume() -> None:
    """Also after a round trip through JSON; a folder has the default volume. Trailing slashes are removed."""
    config = load_config(None, ["kubeflow.root=gs://bucket/churn//"])
    assert (config.kubeflow.root, config.kubeflow.volume) == ("gs://bucket/churn", None)
    assert PipelineConfig.model_validate_json(config.model_dump_json()) == config
    assert load_config(None, ["kubeflow.root=/mnt/other"]).kubeflow.volume == "regpipe"


def test_equal_times_have_equal_texts() -> None:
    """Times are stored in UTC and whole seconds, as in the API; otherwise `apply` would see a change each time."""
    written = ["2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00", "2026-12-31T19:00:00.4-05:00"]
    moments = {
        load_config(None, [f"kubeflow.schedule.start={text}"]).kubeflow.schedule.start for text in written
    }
    assert moments == {"2027-01-01T00:00:00Z"}


def test_an_address_and_a_cron_expression_are_normalized() -> None:
    """No trailing slash, one space between fields."""
    config = load_config(None, ["kubeflow.host=https://k/pipeline/", "kubeflow.schedule.cron= 0  0 3 * * * "])
    assert config.kubeflow.host == "https://k/pipeline"
    assert config.kubeflow.schedule.cron == "0 0 3 * * *"
