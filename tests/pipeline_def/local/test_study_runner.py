"""`regpipe study`: which networks it trains, its progress and final output, and its exit codes."""

import io
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.common.ingest_record import IngestRecord, RowCounts
from components.config.model import ModelConfig
from components.config.regularization import L2
from components.config.training import TrainingConfig
from components.study.study_record import (
    SplitMetrics,
    StudyEntry,
    StudyMetrics,
    StudyRecord,
    TrainingResult,
    diverged_result,
)
from components.study.trainings import StudyData, Trainings
from components.study.variants import StudyPlan, Variant, plan_study
from components.tasks.binary import BINARY, LOG_LOSS
from components.training.dataset import InMemoryDataset
from pipeline_def.cli.main import main
from pipeline_def.config.load import PipelineConfig
from pipeline_def.local import study_runner as studies
from pipeline_def.local.runner import lock_root
from pipeline_def.local.study_runner import CompletedStudy, DataStepsFailed, StudyFailed
from pipeline_def.runs.summary import Summary
from pipeline_def.terminal import study_table
from pipeline_def.terminal.run_display import RunDisplay

TRAINING = TrainingConfig(epochs=2, batch_size=8, early_stopping=0)


def variant(name: str, **model: Any) -> Variant:
    return Variant(name, ModelConfig(**{"hidden_units": (), "l1": 0.0, "l2": 0.0, **model}), TRAINING)


class FakeTrainings:
    """Replaces Trainings: has the results of some networks, and "trains" the others in two epochs."""

    def __init__(self, *names: str) -> None:
        self.results = {name: entry(variant(name)).result for name in names}

    def key(self, model: ModelConfig, training: TrainingConfig) -> str:
        return str(model.l2)

    def find(self, key: str) -> TrainingResult | None:
        return self.results.get(key)

    def train(self, model: ModelConfig, training: TrainingConfig) -> TrainingResult:
        for number in (1, 2):
            logging.getLogger("regpipe.progress").info("epoch %d/2", number)
        self.results[self.key(model, training)] = entry(variant("", l2=model.l2)).result
        return self.results[self.key(model, training)]


def results(trainings: Any, planned: StudyPlan) -> tuple[int, int, list[str]]:
    """Returns the number of results, the number of those that were trained, and the lines on the terminal."""
    terminal = io.StringIO()
    with RunDisplay((studies.STEP,), terminal) as display:
        display.start(studies.STEP)
        found, trained = studies._results(trainings, planned, "log_loss", display)
        display.finish(studies.STEP, "done", 1.0)
    return len(found), trained, terminal.getvalue().splitlines()


def test_only_missing_networks_are_trained(tmp_path: Path) -> None:
    """An equal study trains nothing, one with a further strength only that; a network with two names counts once."""
    generator = np.random.default_rng(1)
    x = generator.random((24, 2), np.float32)
    split = InMemoryDataset(x, (x[:, :1] > 0.5).astype(np.float32))

    def trainings() -> Trainings:
        return Trainings(StudyData(BINARY, ("a", "b"), split, split), tmp_path, "code")

    none, strong = variant("none"), variant("L2", l2=0.5)
    first = StudyPlan((none, strong), {"l2": (variant("l2 = 0.5", l2=0.5),)}, ())
    assert results(trainings(), first)[:2] == (2, 2)
    assert results(trainings(), first)[:2] == (2, 0)
    wider = StudyPlan((none, strong), {"l2": (variant("l2 = 0.1", l2=0.1), variant("l2 = 0.5", l2=0.5))}, ())
    assert results(trainings(), wider)[:2] == (3, 1)


def test_the_root_is_locked_until_the_study_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process can't use the metadata store, or clean the root, while the networks are trained."""

    def train(*_: Any) -> StudyRecord:
        with lock_root(tmp_path):
            raise AssertionError("expected the root to be locked")

    summary = Summary(run_id="r1", status="partial", exit_code=0)
    monkeypatch.setattr("pipeline_def.local.runner.run_in_locked_root", lambda *_: summary)
    monkeypatch.setattr(studies, "_study", train)
    with pytest.raises(StudyFailed, match=r"^RootInUse: "):
        studies.study(PipelineConfig(), tmp_path, 0)
    with lock_root(tmp_path):
        pass


def test_the_progress() -> None:
    """A line for each trained network, with its result, its duration, and the estimated remaining time."""
    planned = StudyPlan((variant("none"), variant("weak", l2=0.01), variant("strong", l2=0.02)), {}, ())
    assert results(FakeTrainings("0.01"), planned)[2] == [
        "Study  running",
        "3 networks, 1 of them trained by an earlier study",
        "Study  1 of 2  none: validation log loss 0.5000, gap +0.2500, 1.0 s, 1.0 s left",
        "Study  2 of 2  strong: validation log loss 0.3000, gap +0.0500, 1.0 s, 0.0 s left",
        "Study  done in 1.0 s",
    ]


def test_a_long_training_shows_its_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the name of the network, at most one every SECONDS_BETWEEN; here all."""
    monkeypatch.setattr(studies, "SECONDS_BETWEEN", 0.0)
    lines = results(FakeTrainings(), StudyPlan((variant("none"),), {}, ()))[2]
    assert lines[2:4] == ["Study  1 of 1  none: epoch 1/2", "Study  1 of 1  none: epoch 2/2"]


def entry(variant: Variant) -> StudyEntry:
    scores = SplitMetrics(loss=0.5 - 10 * variant.model.by_layer(L2)[0], score=0.75, further=0.5)
    found = TrainingResult(
        train=SplitMetrics(loss=0.25, score=0.9, further=0.9),
        validation=scores,
        zero=0.375,
        l1_norm=100.0,
        l2_norm=12.5,
        features=2_000,
        dropped=("a",),
        seconds=1.0,
        training_curve=(0.5,) * 12,
        validation_curve=(0.5,) * 12,
    )
    return StudyEntry(**variant._asdict(), result=found)


@pytest.fixture
def studied() -> CompletedStudy:
    planned = plan_study(ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2), TrainingConfig(), 3)
    study = StudyRecord(
        id="r1",
        config={},
        metrics=StudyMetrics.of(BINARY, LOG_LOSS),
        ingest=IngestRecord(
            rows=RowCounts(train=123_456, eval=40_000, test=40_000),
            features=("a",),
            label="y",
            negative_label="0",
            positive_label="1",
            digest="0123",
        ),
        facts={},
        notes=planned.notes,
        trained=17,
        known=0,
        family=tuple(map(entry, planned.family)),
        paths={name: tuple(map(entry, variants)) for name, variants in planned.paths.items()},
        settings=(
            "model.l1=0",
            "model.l2=0.01",
            "model.dropout=0",
            "training.early_stopping=0",
            "a.b=[1, 2]",
        ),
    )
    return CompletedStudy(study, Path("/runs/studies/r1/study.html"))


def shown(studied: CompletedStudy) -> list[str]:
    stream = io.StringIO()
    study_table.show(studied.study, studied.page, stream)
    return stream.getvalue().splitlines()


def test_the_table_on_the_terminal(studied: CompletedStudy) -> None:
    """The result in a sentence, the family, the paths, the notes, and the path of the page, in 100 columns."""
    lines = shown(studied)
    assert max(map(len, lines)) <= 100
    assert lines[:6] == [
        "L2 = 0.01 has the lowest validation log loss of 17 networks: 0.4000, against 0.5000 without",
        "regularization.",
        "",
        "log loss on          train     eval      gap        AUC   zeros   features  L2 norm  epochs",
        "none                0.2500   0.5000  +0.2500     0.7500   37.5%  1999/2000    12.50      12",
        "L1, gradient        0.2500   0.5000  +0.2500     0.7500   37.5%  1999/2000    12.50      12",
    ]
    assert [line for line in lines if line.endswith("strong")] == [
        "L1, from weak to strong", "L2, from weak to strong", "Dropout, from weak to strong",
    ]  # fmt: skip
    assert lines[-5:] == [
        "Note      training.weight_decay is 0: its variant uses 1 instead.",
        "Rows      123,456 train, 40,000 eval; the test split was not read",
        "Best      --set model.l1=0 --set model.l2=0.01 --set model.dropout=0 --set",
        "          training.early_stopping=0 --set 'a.b=[1, 2]'",
        "Page      /runs/studies/r1/study.html",
    ]


def test_the_row_of_a_network_that_diverged(studied: CompletedStudy) -> None:
    first, *others = studied.study.family
    lost = first.model_copy(update={"result": diverged_result(2, "the loss is inf", 1.0)})
    study = studied.study.model_copy(update={"family": (lost, *others)})
    assert "none               diverged: the loss is inf" in shown(CompletedStudy(study, studied.page))


class Stub:
    """Replaces pipeline_def.local.study_runner.study and records its arguments."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.called: tuple[Any, ...] = ()

    def __call__(self, *arguments: Any) -> CompletedStudy:
        self.called = arguments
        if isinstance(self.outcome, Exception):
            raise self.outcome
        assert isinstance(self.outcome, CompletedStudy)
        return self.outcome


def test_the_command(
    studied: CompletedStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options it shares with `regpipe run` have the same meaning; the table is printed to standard output."""
    stub = Stub(studied)
    monkeypatch.setattr(studies, "study", stub)
    options = [
        "--data",
        "t.csv",
        "--label",
        "y",
        "--set",
        "training.epochs=3",
        "--root",
        "here",
        "--strengths",
        "5",
    ]
    assert main(["study", *options]) == 0
    config, root, strengths = stub.called
    assert (config.data.input, config.data.label, config.training.epochs) == ("t.csv", "y", 3)
    assert (root, strengths) == (Path("here"), 5)
    assert capsys.readouterr().out.splitlines() == shown(studied)


def test_json_is_printed_to_standard_output(
    studied: CompletedStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the table is printed to standard error."""
    monkeypatch.setattr(studies, "study", Stub(studied))
    assert main(["study", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["family"][0]["result"]["validation"]["loss"] == 0.5
    assert err.splitlines() == shown(studied)


def test_refused_data_ends_as_a_run_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and the message is printed to standard error."""
    summary = Summary(run_id="r1", status="data_refused", exit_code=3, error="the table is empty")
    monkeypatch.setattr(studies, "study", Stub(DataStepsFailed(summary)))
    assert main(["study"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Data refused: the table is empty\n")


def test_a_failure_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(studies, "study", Stub(StudyFailed("OSError: no space left; see /runs/study.log")))
    assert main(["study"]) == 1
    assert (
        capsys.readouterr().err == "regpipe: the study failed: OSError: no space left; see /runs/study.log\n"
    )


@pytest.mark.parametrize("text", ["1", "51", "-3", "many", "2.5"])
def test_how_many_strengths_there_can_be(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["study", f"--strengths={text}"])
    assert ended.value.code == 2
    assert (
        f"argument --strengths: expected 0 or a number from 2 to 50, got {text!r}" in capsys.readouterr().err
    )
