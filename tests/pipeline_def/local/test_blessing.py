"""`regpipe bless`, on a metadata store with one run, and through the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.common.model_files import model_digest
from components.common.verdict_record import Verdict
from components.pusher.publication import Destination, publish
from pipeline_def.cli.main import main
from pipeline_def.local import blessing as by_hand
from pipeline_def.local.runner import RootInUse, lock_root
from pipeline_def.runs.run_store import RunStore, list_runs
from pipeline_def.runs.runs_root import RunsRoot
from pipeline_def.runs.summary import Override, Summary
from tests.pipeline_def.root_with_a_run import Root

MakeModel = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def test_the_model_is_published_and_the_override_is_recorded(
    root: Root, make_model: MakeModel, tmp_path: Path
) -> None:
    """On the run, the model, in the summary and in the list of runs. The destination is that of the run's Pusher."""
    root.with_candidate(make_model())
    root.with_pusher(tmp_path / "served")
    root.ended("not_blessed")
    summary = by_hand.bless(RunsRoot.on_disk(root.path), "r1", by="ann", reason="recall matters")
    version = summary.pushed_version
    target = tmp_path / "served" / str(version)
    card = json.loads((target / "assets.extra" / "model_card.json").read_text())
    assert (card["run"], card["version"], card["evaluation"]) == ("r1", version, {})
    assert summary.override is not None
    assert card["override"] == summary.override.model_dump()
    assert [path.name for path in target.parent.iterdir() if path.is_dir()] == [str(version)]
    on_run, on_model = root.properties()
    note = {
        "regpipe_blessed_by": "ann",
        "regpipe_blessed_at": summary.override.at,
        "regpipe_blessed_reason": "recall matters",
        "regpipe_blessed_run": "r1",
    }
    assert on_model == note
    assert on_run == note | {
        "regpipe_status": "pushed",
        "regpipe_pushed_version": version,
        "regpipe_pushed_path": str(target),
    }
    assert (summary.status, summary.exit_code, summary.pushed_path) == ("pushed", 0, str(target))
    assert Summary.model_validate_json(root.summary.read_text()) == summary
    assert RunStore.open(root.path).override("r1") == summary.override
    (record,) = list_runs(RunStore.open(root.path))
    assert (record.status, record.blessed_by, record.pushed_version) == ("pushed", "ann", version)


def test_a_run_that_did_not_reach_its_pusher(root: Root, make_model: MakeModel, tmp_path: Path) -> None:
    """It publishes to the folder of its configuration. A failed attempt leaves it unchanged, and can be repeated."""
    folder = tmp_path / "configured"
    root.started(folder)
    root.with_candidate(make_model())
    root.ended("partial")
    folder.write_text("in the way")
    with pytest.raises(NotADirectoryError):
        by_hand.bless(RunsRoot.on_disk(root.path), "r1", by="ann", reason="x")
    assert RunStore.open(root.path).override("r1") is None
    folder.unlink()
    summary = by_hand.bless(RunsRoot.on_disk(root.path), "r1", by="bob", reason="x")
    assert summary.pushed_path == str(folder / str(summary.pushed_version))
    assert not (root.path / "serving").exists()
    override = RunStore.open(root.path).override("r1")
    assert override is not None
    assert override.by == "bob"


def test_a_model_that_was_not_judged(
    root: Root, make_model: MakeModel, version_1: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict of the run is about other files: exit code 1, and nothing is published. It is, once they are back."""
    judged, other = make_model(0.25), make_model(0.75)
    root.started()
    root.with_candidate(other)
    root.with_verdict(Verdict.read(str(version_1)), judged)
    assert bless(root) == 1
    expected = f"Expected the model that was judged, with the digest {model_digest(judged)}, found "
    assert expected + model_digest(other) in capsys.readouterr().err
    assert not [path for path in (root.path / "serving").iterdir() if path.is_dir()]
    assert RunStore.open(root.path).override("r1") is None
    shutil.copytree(judged, root.path / "artifacts" / "model" / "Format-Serving", dirs_exist_ok=True)
    assert bless(root) == 0


def test_a_run_whose_destination_is_unknown(
    root: Root, make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2: an earlier version recorded it only in its Pusher. Nothing is published to a default folder."""
    root.with_candidate(make_model())
    root.ended("failed")
    assert bless(root) == 2
    assert capsys.readouterr().err.startswith(
        "regpipe: run r1: expected the folder to which it publishes, found none"
    )
    assert not (root.path / "serving").exists()
    assert RunStore.open(root.path).override("r1") is None


REFUSED = {
    "unknown run": ("r2", "not_blessed", True, "there is no run 'r2'; `regpipe runs` lists them."),
    "no candidate": (
        "r1", "data_refused", False, "run r1 has no model, because its Trainer did not finish."
    ),
    "pushed": ("r1", "pushed", True, "run r1 was pushed already."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_refused(
    root: Root,
    make_model: MakeModel,
    case: tuple[str, str, bool, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 with a message; nothing is published and nothing recorded."""
    run, status, candidate, message = case
    if candidate:
        root.with_candidate(make_model())
    root.ended(status, pushed=status == "pushed")
    assert main(["bless", "--root", str(root.path), "--run", run, "--reason", "why", "--by", "ann"]) == 2
    hint = f" The root is {root.path}; --root names another one, and --config the configuration of its runs."
    expected = message + hint if "there is no run" in message else message
    assert capsys.readouterr() == ("", f"regpipe: {expected}\n")
    assert not (root.path / "serving").exists()
    assert RunStore.open(root.path).override("r1") is None


@pytest.mark.parametrize(
    "recorded", [True, False], ids=["failed after its Pusher", "interrupted after its Pusher"]
)
def test_a_pushed_model_is_not_published_again(
    root: Root, make_model: MakeModel, tmp_path: Path, recorded: bool
) -> None:
    """Also if a later step failed, or the run was interrupted before its status was recorded."""
    root.with_candidate(make_model())
    root.with_pusher(tmp_path / "served", pushed=not recorded)
    if recorded:
        root.ended("failed", pushed=True)
        (record,) = list_runs(RunStore.open(root.path))
        assert (record.status, record.pushed_version) == ("failed", 7)
    with pytest.raises(by_hand.CannotBless, match=r"^run r1 was pushed already\.$"):
        by_hand.bless(RunsRoot.on_disk(root.path), "r1", by="ann", reason="why")
    assert not (tmp_path / "served").exists()


def bless(root: Root) -> int:
    return main(["bless", "--root", str(root.path), "--run", "r1", "--reason", "why", "--by", "ann"])


def test_a_model_that_is_served_already(
    root: Root, make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """No new version is made, the run counts as pushed, and a message is printed."""
    root.started()
    root.with_candidate(make_model())
    target = Destination(directory=str(root.path / "serving"), keep_versions=5, model_name="m")
    existing = publish(make_model(name="same"), target, {})
    assert bless(root) == 0
    assert capsys.readouterr().out == (
        f"Blessed by hand; it was published already: version {existing.version} in {existing.path}.\n"
    )
    (record,) = list_runs(RunStore.open(root.path))
    assert (record.status, record.pushed_version) == ("pushed", existing.version)


def test_a_model_that_cannot_be_served(
    root: Root, make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """An override replaces the verdict, not the validation: exit code 1, and the run stays unchanged."""
    root.started()
    root.with_candidate(make_model(7.0))
    assert bless(root) == 1
    error = capsys.readouterr().err
    assert error.startswith("regpipe: the model could not be published: ")
    assert error.endswith("expected 'probability' to be between 0 and 1, got 7.0.\n")
    assert RunStore.open(root.path).override("r1") is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"format_version": 3}', "expected a summary of format version 1 or 2, found 3."),
        ("{", "found a damaged file"),
    ],
)
def test_a_summary_that_cannot_be_read(
    root: Root, make_model: MakeModel, capsys: pytest.CaptureFixture[str], content: str, found: str
) -> None:
    """Nothing is recorded or published, so the command works once the file is repaired."""
    root.started()
    root.with_candidate(make_model())
    root.summary.write_text(content)
    assert bless(root) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"regpipe: {root.summary}: ")
    assert found in error
    assert RunStore.open(root.path).override("r1") is None
    assert not (root.path / "serving").exists()
    root.summary.unlink()
    assert bless(root) == 0


def test_a_root_that_is_in_use(root: Root, make_model: MakeModel) -> None:
    """Refused, as the metadata store allows one process at a time."""
    root.with_candidate(make_model())
    with lock_root(root.path), pytest.raises(RootInUse):
        by_hand.bless(RunsRoot.on_disk(root.path), "r1", by="ann", reason="why")


def test_the_command_line(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default of --by is the login name; the reason becomes one line; the path of the model is printed."""
    calls: list[dict[str, Any]] = []

    def stub(place: RunsRoot, run_id: str, **given: Any) -> Summary:
        calls.append({"root": place.path, "run": run_id, **given})
        override = Override(at="now", **given)
        return Summary(
            run_id=run_id,
            status="pushed",
            exit_code=0,
            pushed_version=3,
            pushed_path="s/3",
            override=override,
        )

    monkeypatch.setattr(by_hand, "bless", stub)
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    command = ["bless", "--root", str(root.path), "--run", "r1", "--reason", "two\n lines"]
    assert main(command) == 0
    assert capsys.readouterr() == ("Blessed by hand and published: version 3 in s/3.\n", "")
    assert main([*command, "--by", "ann"]) == 0
    assert [call["by"] for call in calls] == ["login", "ann"]
    assert calls[0] == {"root": str(root.path), "run": "r1", "by": "login", "reason": "two lines"}


@pytest.mark.parametrize("option", ["--reason", "--by"])
def test_empty_values_are_refused(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An override needs a reason and a name."""
    given = {"--reason": "why", "--by": "ann"} | {option: "  "}
    options = [text for pair in given.items() for text in pair]
    assert main(["bless", "--root", str(tmp_path), "--run", "r1", *options]) == 2
    assert capsys.readouterr().err == f"regpipe: {option}: expected text that is not empty, got '  '\n"
