"""The page of all runs is written from the summaries, from `index.json`, and from the metadata store."""

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common import storage
from components.common.index_record import IndexRecord
from components.common.ingest_record import RowCounts
from components.common.verdict_record import MetricIntervals, ServedComparison
from components.pusher.publication import Destination
from components.saved_model.card_file import write_card
from pipeline_def.cli.main import main
from pipeline_def.runs.run_index import try_update_index, update_index
from pipeline_def.runs.run_store import RunStore
from pipeline_def.runs.summary import BothMetrics, Intervals, ModelMetrics, Override, StepRecord, Summary


def write_run(root: Path, run_id: str, **changes: Any) -> Summary:
    """Writes the summary of a run that pushed version 1."""
    report = root / "artifacts" / "Report" / "report" / run_id / "report.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.touch()
    fields: dict[str, Any] = {
        "run_id": run_id,
        "started": "2026-05-01T02:00:00+00:00",
        "status": "pushed",
        "exit_code": 0,
        "rows": RowCounts(train=600, eval=200, test=200),
        "label": "churned",
        "label_rate": 0.25,
        "metrics": BothMetrics(
            candidate=ModelMetrics(auc=0.9, log_loss=0.4),
            baseline=ModelMetrics(auc=0.8, log_loss=0.5),
            served=ModelMetrics(auc=0.88, log_loss=0.42),
        ),
        "intervals": Intervals.model_validate(
            {"confidence": 0.95, "auc": MetricIntervals(candidate=(0.85, 0.95))}
        ),
        "pushed_version": 1,
        "report_path": str(report),
    }
    summary = Summary(**(fields | changes))
    summary.write(str(root / "runs" / run_id))
    return summary


def entries(root: Path) -> dict[str, Any]:
    return {run.run_id: run for run in IndexRecord.read(str(root)).runs}


def store_with_runs(root: Path, names: str) -> RunStore:
    """Makes a metadata store with some runs, of which none has a status."""
    sqlite = mlmd.SqliteMetadataSourceConfig(
        filename_uri=str(root / "metadata.sqlite"),
        connection_mode=mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
    )
    store = MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite))
    type_id = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    store.put_contexts([mlmd.Context(type_id=type_id, name=name) for name in names])
    return RunStore(store)


def test_the_entry_of_a_run(tmp_path: Path) -> None:
    """It has what the page shows, and the report's path relative to the root."""
    write_run(
        tmp_path, "a", served=ServedComparison(outcome="compared", sentence="Better.", decline="It is worse.")
    )
    assert update_index(str(tmp_path), "a") == f"{tmp_path}/index.html"
    entry = entries(tmp_path)["a"]
    assert entry.model_dump() == {
        "run_id": "a",
        "started": "2026-05-01T02:00:00+00:00",
        "status": "pushed",
        "sentence": "Pushed: log loss 0.4000 against 0.5000 without regularization.",
        "label": "churned",
        "rows": 1000,
        "label_rate": 0.25,
        "log_loss": {"candidate": 0.4, "baseline": 0.5, "served": 0.42, "interval": None},
        "auc": {"candidate": 0.9, "baseline": 0.8, "served": 0.88, "interval": (0.85, 0.95)},
        "rmse": None,
        "r2": None,
        "cross_entropy": None,
        "macro_auc": None,
        "drift": None,
        "served_declined": True,
        "version": 1,
        "blessed_by": None,
        "blessed_at": None,
        "blessed_because": None,
        "report": "artifacts/Report/report/a/report.html",
    }
    assert 'href="artifacts/Report/report/a/report.html"' in (tmp_path / "index.html").read_text()


def test_runs_that_ended_early(tmp_path: Path) -> None:
    """A failed and a refused one have their reasons; a run without a summary is not over, or was killed."""
    early: dict[str, Any] = {"metrics": None, "intervals": None, "pushed_version": None, "report_path": None}
    steps = (StepRecord(name="Trainer", seconds=1, cached=False, status="failed"),)
    write_run(tmp_path, "a", status="failed", exit_code=1, error="OOM:\n no memory", steps=steps, **early)
    write_run(tmp_path, "b", status="data_refused", exit_code=3, error="no rows", rows=None, **early)
    (tmp_path / "runs" / "20260502T020304.123456Z").mkdir()
    update_index(str(tmp_path))
    found = entries(tmp_path)
    assert found["a"].sentence == "Failed in Trainer: OOM: no memory"
    assert found["b"].sentence == "Data refused: no rows"
    unfinished = found["20260502T020304.123456Z"]
    assert (unfinished.status, unfinished.started) == ("unfinished", "2026-05-02T02:03:04+00:00")
    assert next(iter(found)) == "20260502T020304.123456Z"


def test_a_long_error_is_cut(tmp_path: Path) -> None:
    write_run(tmp_path, "a", status="failed", exit_code=1, error="x" * 1_000)
    update_index(str(tmp_path))
    assert entries(tmp_path)["a"].sentence == f"Failed: {'x' * 292}…"


def test_only_some_summaries_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one, the newest ten of before, those without a result (here one of the ten), and the one that changed."""
    for number in range(20):
        write_run(tmp_path, f"r{number:02d}", started=f"2026-05-{number + 1:02d}T02:00:00+00:00")
    (tmp_path / "runs" / "00000").mkdir()
    update_index(str(tmp_path))
    read: list[str] = []
    original = Summary.read

    def counted(folder: str) -> Summary:
        read.append(Path(folder).name)
        return original(folder)

    monkeypatch.setattr(Summary, "read", counted)
    write_run(tmp_path, "r20", started="2026-05-21T02:00:00+00:00")
    bless = Override(by="ann", at="2026-05-21T03:00:00+00:00", reason="tried")
    write_run(tmp_path, "r03", started="2026-05-04T02:00:00+00:00", override=bless)
    update_index(str(tmp_path), "r03")
    assert sorted(read) == ["00000", "r03", *(f"r{number}" for number in range(11, 21))]
    assert entries(tmp_path)["r03"].blessed_by == "ann"
    sentence = entries(tmp_path)["r03"].sentence
    assert sentence.startswith(
        "Published by hand by ann on 2026-05-21 03:00 UTC: tried. Not blessed by the Evaluator: "
    )
    assert list(entries(tmp_path))[:3] == ["00000", "r20", "r19"]


def test_a_run_whose_files_were_removed(tmp_path: Path) -> None:
    """A known one keeps its entry, without a link; of another one only what the metadata store has is known."""
    write_run(tmp_path, "a", started="2026-05-01T02:00:00+00:00")
    update_index(str(tmp_path))
    storage.remove_folder(str(tmp_path / "runs"))
    storage.remove_folder(str(tmp_path / "artifacts"))
    runs = store_with_runs(tmp_path, "abc")
    runs.record("b", "pushed", (7, "/served/7"))
    update_index(str(tmp_path))
    found = entries(tmp_path)
    assert [(run.run_id, run.status, run.version) for run in found.values()] == [
        ("c", "unfinished", None), ("b", "pushed", 7), ("a", "pushed", 1),
    ]  # fmt: skip
    assert found["b"].sentence == "Pushed. Its files were removed."
    assert found["c"].sentence == "Interrupted or killed."
    assert "report.html" not in re.sub(
        r"<script>.*?</script>", "", (tmp_path / "index.html").read_text(), flags=re.S
    )


def test_a_copied_root_keeps_its_links(tmp_path: Path) -> None:
    """The summaries have the old paths; the links are relative, and the reports were copied as well."""
    write_run(tmp_path / "first", "a")
    update_index(str(tmp_path / "first"))
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    update_index(str(tmp_path / "copy"))
    assert entries(tmp_path / "copy")["a"].report == "artifacts/Report/report/a/report.html"


def test_runs_are_in_the_order_of_the_store(tmp_path: Path) -> None:
    """As in `regpipe runs`: the clock may have been set back between two runs."""
    store_with_runs(tmp_path, "ab")
    write_run(tmp_path, "a", started="2026-05-02T02:00:00+00:00")
    write_run(tmp_path, "b", started="2026-05-01T02:00:00+00:00")
    update_index(str(tmp_path))
    assert list(entries(tmp_path)) == ["b", "a"]


def publish(root: Path, version: int, **card: Any) -> Destination:
    folder = root / "serving" / str(version)
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"model")
    write_card(str(folder), {"version": version, **card})
    return Destination(directory=str(root / "serving"), keep_versions=3, model_name="m")


def test_the_published_version(tmp_path: Path) -> None:
    """It is read from the destination each time; where that is, is known from the run before."""
    write_run(tmp_path, "a")
    place = publish(tmp_path, 1, run="a", published="2026-05-01T02:10:00+00:00")
    update_index(str(tmp_path), "a", place)
    found = IndexRecord.read(str(tmp_path)).publication
    assert found is not None
    assert (found.version, found.run, found.rolled_back_from) == (1, "a", None)
    publish(tmp_path, 5, run="a", rollback={"by": "ann", "at": "2026-05-03", "reason": "", "from_version": 4})
    update_index(str(tmp_path))
    again = IndexRecord.read(str(tmp_path)).publication
    assert again is not None
    assert (again.version, again.rolled_back_from, again.by) == (5, 4, "ann")


def test_what_persons_published(tmp_path: Path) -> None:
    """By blessing or by a rollback, whose card also has the blessing; it stays known when the version is removed.

    The card of a version that the pipeline had published already does not have the blessing, but the summary has it.
    """
    bless = Override(by="eve", at="2026-05-01", reason="again")
    write_run(tmp_path, "a", override=bless)
    override = {"by": "bob", "at": "2026-05-02", "reason": "recall"}
    rollback = {"by": "ann", "at": "2026-05-03", "reason": "", "from_version": 3, "to_version": 2}
    publish(tmp_path, 1, run="a")
    publish(tmp_path, 2, run="a", override=override)
    place = publish(tmp_path, 4, run="a", override=override, rollback=rollback)
    for _ in range(2):
        update_index(str(tmp_path), "a", place)
        again, blessed, published_already = IndexRecord.read(str(tmp_path)).by_hand
        assert (published_already.version, published_already.by, published_already.reason) == (
            1,
            "eve",
            "again",
        )
        assert (again.version, again.by, again.rolled_back_from, again.rolled_back_to) == (4, "ann", 3, 2)
        assert (blessed.version, blessed.by, blessed.reason, blessed.rolled_back_from) == (
            2,
            "bob",
            "recall",
            None,
        )
        shutil.rmtree(tmp_path / "serving" / "2", ignore_errors=True)


def test_a_root_on_an_object_store() -> None:
    """As on gs://, here in TensorFlow's file system in memory: the same page, with relative links."""
    root = "ram://test_run_index/root"
    summary = Summary(
        run_id="a",
        started="2026-05-01T02:00:00+00:00",
        status="not_blessed",
        exit_code=4,
        reasons=("the AUC is 0.5, not at least 0.6",),
        report_path=f"{root}/artifacts/Report/report/1/report.html",
    )
    storage.make_folder(f"{root}/runs/a")
    storage.make_folder(f"{root}/runs/b")
    summary.write(f"{root}/runs/a")
    storage.write(f"{root}/runs/b/pipeline.json", b"{}")
    assert update_index(root, "a") == f"{root}/index.html"
    page = storage.read(f"{root}/index.html").decode()
    assert 'href="artifacts/Report/report/1/report.html"' in page
    assert "Not blessed: the AUC is 0.5, not at least 0.6." in page
    found = {run.run_id: run.status for run in IndexRecord.read(root).runs}
    assert found == {"a": "not_blessed", "b": "unfinished"}


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    write_run(tmp_path, "a")
    (tmp_path / "index.json").write_text("{")
    update_index(str(tmp_path))
    assert list(entries(tmp_path)) == ["a"]


def test_an_error_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk, for example, must not change how a run ends."""
    write_run(tmp_path, "a")
    (tmp_path / "index.html").mkdir()
    with caplog.at_level(logging.WARNING):
        try_update_index(str(tmp_path), "a")
    assert "The page of all runs could not be written" in caplog.text


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes the page and prints its path; --open opens it, as for one run. --run and --all exclude each other."""
    write_run(tmp_path, "a")
    opened: list[Path] = []
    monkeypatch.setattr("pipeline_def.cli.report.open_page", opened.append)
    assert main(["report", "--all", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'index.html'}\n"
    assert opened == []
    assert main(["report", "--all", "--open", "--root", str(tmp_path)]) == 0
    assert opened == [tmp_path / "index.html"]
    assert json.loads((tmp_path / "index.json").read_text())["runs"][0]["run_id"] == "a"
    with pytest.raises(SystemExit):
        main(["report", "--all", "--run", "a", "--root", str(tmp_path)])


def test_the_command_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--all", "--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"regpipe: {tmp_path}: no run yet; `regpipe run` makes the first one. The root is {tmp_path}; --root names "
        "another one, and --config the configuration of its runs.\n"
    )
