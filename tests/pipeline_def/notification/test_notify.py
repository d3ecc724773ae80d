"""The notification: it is sent when asked for, retried, never raises, and never shows its URL."""

from collections.abc import Iterator

import pytest

from pipeline_def.config.load import ConfigError, load_config
from pipeline_def.config.notification import URL_VARIABLE
from pipeline_def.notification.notify import When, notify
from pipeline_def.notification.run_event import RunEvent
from tests.standins.webhook import SECRET, Webhook, webhook

GOOD = RunEvent(run_id="r1", pipeline="churn", status="pushed", message="Pushed: better.")
BAD = GOOD.model_copy(update={"status": "failed", "message": "Failed: no memory."})
NOT = f"not posted to the URL in {URL_VARIABLE}: "
NO_URL = "it is not a URL, or not that of a web server"


@pytest.fixture
def hook(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook(*getattr(request, "param", ())) as made:
        monkeypatch.setenv(URL_VARIABLE, made.url)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield made


def test_the_event_is_posted_once(hook: Webhook) -> None:
    """In structured mode: CloudEvents' HTTP binding, section 3.2."""
    assert notify(BAD, "always") == "posted"
    (posted,) = hook.received
    assert (posted.path, posted.content_type) == (f"/hooks/{SECRET}", "application/cloudevents+json")
    assert posted.document["type"] == "regpipe.run.failed"
    assert posted.document["data"] == BAD.model_dump(mode="json")


@pytest.mark.parametrize(
    ("when", "sent"),
    [(None, ["pushed", "failed"]), ("always", ["pushed", "failed"]), ("problem", ["failed"]), ("never", [])],
)
def test_when(hook: Webhook, when: When, sent: list[str]) -> None:
    """`problem` leaves out the runs that ended as they should."""
    done = [notify(event, when) for event in (GOOD, BAD)]
    assert [posted.document["data"]["status"] for posted in hook.received] == sent
    assert [line for line in done if line] == ["posted"] * len(sent)


@pytest.mark.parametrize(
    ("when", "done"),
    [(None, ""), ("never", ""), ("always", f"not posted: {URL_VARIABLE} is not set")],
)
def test_a_missing_url_is_a_warning_only_if_messages_are_asked_for(
    when: When, done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default nobody has asked for them."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert notify(BAD, when) == done


@pytest.mark.parametrize(
    ("hook", "posts", "done"),
    [
        ([503, 200], 2, "posted"),
        ([0, 429, 204], 3, "posted"),
        ([500], 4, f"{NOT}the server responded with 500"),
        ([404], 1, f"{NOT}the server responded with 404"),
        ([302], 1, f"{NOT}the server responded with 302, a redirect, which is not followed"),
    ],
    indirect=["hook"],
)
def test_temporary_failures_are_retried(hook: Webhook, posts: int, done: str) -> None:
    """Four attempts at most, one if the address is wrong. All attempts post the same event."""
    assert notify(BAD, None) == done
    assert len(hook.received) == posts
    assert len({posted.document["id"] for posted in hook.received}) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"ftp://example.org/{SECRET}", "the URL does not begin with http:// or https://"),
        (f"http://localhost:{SECRET}/x", f"InvalidURL: {NO_URL}"),
        (f"http://localhost:1/{SECRET}", "ConnectionRefusedError: no connection"),
        (f"http://[{SECRET}/", f"ValueError: {NO_URL}"),
    ],
)
def test_a_wrong_url_is_never_shown(url: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the URL nor a part of it."""
    monkeypatch.setenv(URL_VARIABLE, url)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert notify(BAD, "always") == NOT + reason
    assert SECRET not in reason


def test_the_file_can_not_contain_the_url() -> None:
    """A URL is refused as the name of a secret; the old place of the keys leads to the new one."""
    with pytest.raises(ConfigError, match=r"notify\.secret: expected lower-case letters"):
        load_config(None, ["notify.secret=https://hooks.example.org/x"])
    with pytest.raises(
        ConfigError, match=r"kubeflow\.notify\.secret: unknown key; did you mean notify\.secret\?"
    ):
        load_config(None, ["kubeflow.notify.secret=hook"])
