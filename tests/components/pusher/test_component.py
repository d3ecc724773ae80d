"""The Pusher step in TFX: its inputs, the properties it sets, and when it publishes nothing."""

import json
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components.common.errors import BadModel
from components.common.model_files import model_digest
from components.common.verdict_record import (
    BootstrapSettings,
    BothCurves,
    ComparedMetric,
    ConfusionMatrix,
    Contribution,
    Contributions,
    GeneralizationGap,
    Judged,
    JudgedSplit,
    MetricGap,
    ModelCurves,
    SeedScores,
    Threshold,
    Verdict,
)
from components.pusher.component import Pusher
from components.pusher.local_folder import LocalFolder
from components.pusher.publication import Destination
from components.saved_model.card_file import DamagedCard, write_card

MakeModel = Callable[..., str]
NO_GAP = MetricGap(train=0.3, test=0.3, difference=0.0)
VERDICT = Verdict(
    blessed=True,
    reasons=(),
    rows=203,
    positives=108,
    bootstrap=BootstrapSettings(method="paired", resamples=1_000, confidence=0.95, seed=1),
    mode="point",
    metrics={
        "auc": ComparedMetric(
            candidate=0.9,
            baseline=0.8,
            early_stopped=0.85,
            base_rate=0.5,
            difference=math.nan,
            finding="better",
        )
    },
    contributions=Contributions(
        total=Contribution(value=-0.5, interval=(-0.75, -0.25), finding="better"),
        early_stopping=Contribution(value=-0.25, interval=(-0.5, 0.125), finding="unclear"),
        penalties=Contribution(value=-0.25, interval=(-0.5, -0.125), finding="better"),
    ),
    seeds=(
        SeedScores(seed=42, candidate=0.5, baseline=1.0, early_stopped=0.75),
        SeedScores(seed=43, candidate=0.25, baseline=0.5),
    ),
    thresholds=(
        Threshold(
            metric="auc",
            rule="floor",
            direction=">=",
            value=0.9,
            bound=0.6,
            passed=True,
            sentence="it is 0.9",
        ),
    ),
    slices=(),
    gap=GeneralizationGap(train_rows=608, candidate={"log_loss": NO_GAP, "auc": NO_GAP}),
    curves=BothCurves(
        candidate=ModelCurves(
            roc=None,
            precision_recall=None,
            calibration=None,
            confusion=ConfusionMatrix(true_positive=1, false_positive=2, true_negative=3, false_negative=4),
        )
    ),
)


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


@pytest.fixture
def run(tmp_path: Path, serving: Path) -> Callable[..., Artifact]:
    """Runs the step on the model in a folder; returns the output artifact.

    `judged` is the folder of the model that the verdict is about; "" is the same one. None: a verdict of an earlier
    version, which does not say it.
    """

    def run(model: str, *, blessed: bool = True, run_id: str = "r1", judged: str | None = "") -> Artifact:
        artifacts = {
            "model": standard_artifacts.Model(),
            "model_blessing": standard_artifacts.ModelBlessing(),
            "evaluation": standard_artifacts.ModelEvaluation(),
            "statistics": standard_artifacts.ExampleStatistics(),
        }
        for name, artifact in artifacts.items():
            artifact.uri = str(tmp_path / run_id / name)
            Path(artifact.uri).mkdir(parents=True, exist_ok=True)
        (Path(artifacts["model"].uri) / "Format-Serving").symlink_to(model)
        split = JudgedSplit(rows=203, digest="0")
        about = (
            None
            if judged is None
            else Judged(candidate=model_digest(judged or model), test=split, train=split)
        )
        VERDICT.model_copy(update={"judged": about}).write(artifacts["evaluation"].uri)
        artifacts["model_blessing"].set_int_custom_property("blessed", int(blessed))
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(tmp_path / run_id / "pushed")
        Path(pushed.uri).mkdir()
        place = Destination(directory=str(serving), keep_versions=5, model_name="m")
        Pusher.EXECUTOR_SPEC.executor_class().Do(
            {name: [artifact] for name, artifact in artifacts.items()},
            {"pushed_model": [pushed]},
            {"destination": place.model_dump_json(), "run_id": run_id},
        )
        return pushed

    return run


def noted(pushed: Artifact) -> dict[str, Any]:
    properties = pushed.mlmd_artifact.custom_properties
    return {name: value.string_value or value.int_value for name, value in properties.items()}


def card_of(folder: str | Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((Path(folder) / "assets.extra" / "model_card.json").read_text())
    return card


def test_blessed(run: Any, make_model: MakeModel, serving: Path) -> None:
    """The model is published; the artifact has the folder and the version, the card the run and the evaluation."""
    pushed = run(make_model())
    (version,) = (path.name for path in serving.iterdir() if path.is_dir())
    assert noted(pushed) == {
        "pushed": 1,
        "pushed_version": version,
        "pushed_destination": str(serving / version),
        "already_published": 0,
    }
    card = card_of(serving / version)
    assert card["run"] == "r1"
    kept = (
        "blessed", "reasons", "mode", "task", "rows", "positives", "metrics", "contributions", "seeds", "thresholds",
        "operating_point", "judged", "served",
    )  # fmt: skip
    verdict = json.loads((Path(pushed.uri).parent / "evaluation" / "verdict.json").read_text())
    assert card["evaluation"] == {name: verdict[name] for name in kept}
    assert card["evaluation"]["metrics"]["auc"] == {
        "candidate": 0.9, "baseline": 0.8, "early_stopped": 0.85, "base_rate": 0.5, "difference": None,
        "finding": "better", "interval": None, "served": None, "served_difference": None, "served_finding": None,
    }  # fmt: skip
    assert card["evaluation"]["contributions"]["penalties"] == {
        "value": -0.25, "interval": [-0.5, -0.125], "finding": "better"
    }  # fmt: skip
    assert card["evaluation"]["seeds"] == [
        {"seed": 42, "candidate": 0.5, "baseline": 1.0, "early_stopped": 0.75},
        {"seed": 43, "candidate": 0.25, "baseline": 0.5, "early_stopped": None},
    ]
    assert card_of(pushed.uri) == card


def test_not_blessed(run: Any, make_model: MakeModel, serving: Path) -> None:
    """The folder is not created; the artifact has pushed = 0."""
    pushed = run(make_model(), blessed=False)
    assert noted(pushed) == {"pushed": 0}
    assert not serving.exists()
    assert not list(Path(pushed.uri).iterdir())


@pytest.mark.parametrize("change", ["swapped", "one bit"])
def test_a_model_that_was_not_judged(run: Any, make_model: MakeModel, serving: Path, change: str) -> None:
    """The files of another model, or one bit of a weight: nothing is published, and the message has both digests."""
    judged, other = make_model(0.25), make_model(0.5)
    if change == "one bit":
        other = make_model(0.25, "damaged")
        weights = Path(other) / "variables" / "variables.data-00000-of-00001"
        content = weights.read_bytes()
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadModel) as refused:
        run(other, judged=judged)
    assert f"with the digest {model_digest(judged)}, found {model_digest(other)}" in str(refused.value)
    assert "`regpipe run --no-cache`" in str(refused.value)
    assert not [path for path in serving.iterdir() if path.is_dir()]


def test_a_verdict_that_does_not_say_what_it_judged(run: Any, make_model: MakeModel, serving: Path) -> None:
    """As in regpipe 0.2, which is read with --from-step Pusher."""
    with pytest.raises(
        BadModel, match=r"found none, as in a verdict of an earlier version; .*--from-step Evaluator"
    ):
        run(make_model(), judged=None)
    assert not serving.exists()


def test_a_rollback_while_the_step_waits_for_the_folder(
    run: Any, make_model: MakeModel, serving: Path
) -> None:
    """The rollback is looked up after the step has locked the folder, so it is not undone."""
    bad = make_model(0.75)
    current = noted(run(make_model(0.25), run_id="r1"))["pushed_destination"]
    rollback = {"by": "ann", "at": "2026-01-31", "reason": "complaints", "away_from": [model_digest(bad)]}
    found: list[Any] = []
    step = threading.Thread(target=lambda: found.append(noted(run(bad, run_id="r2"))))
    with LocalFolder(str(serving)).publishing():
        step.start()
        step.join(1.0)
        assert step.is_alive()
        write_card(current, {**card_of(current), "rollback": rollback})
    step.join(60.0)
    assert [outcome["pushed"] for outcome in found] == [0]


def test_a_damaged_card_of_the_current_version(run: Any, make_model: MakeModel, serving: Path) -> None:
    """It may have named a rollback: nothing is published, instead of a model that a person has rolled back from."""
    bad = make_model(0.75)
    current = noted(run(make_model(0.25), run_id="r1"))["pushed_destination"]
    rollback = {"by": "ann", "at": "2026-01-31", "reason": "complaints", "away_from": [model_digest(bad)]}
    write_card(current, {**card_of(current), "rollback": rollback})
    card = Path(current) / "assets.extra" / "model_card.json"
    card.write_text(card.read_text().replace('"rollback"', '"rollbaco"'))
    with pytest.raises(DamagedCard, match="So it is unknown whether a person rolled back from the new model"):
        run(bad, run_id="r2")
    assert [path.name for path in serving.iterdir() if path.is_dir()] == [Path(current).name]


def test_the_same_model_in_another_run(
    run: Any, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    """The model counts as pushed, with its existing version; a message is logged."""
    model = make_model()
    first = noted(run(model))
    with caplog.at_level("INFO", "regpipe.progress"):
        assert noted(run(model, run_id="r2")) == first | {"already_published": 1}
    assert caplog.messages == [f"already published as version {first['pushed_version']}"]


def test_a_model_that_a_person_rolled_back_from(run: Any, make_model: MakeModel, serving: Path) -> None:
    """The pipeline does not undo a rollback: it pushes nothing and records why. A different model is pushed."""
    bad = make_model(0.75)
    current = noted(run(make_model(0.25), run_id="r1"))["pushed_destination"]
    rollback = {"by": "ann", "at": "2026-01-31", "reason": "complaints", "away_from": [model_digest(bad)]}
    write_card(current, {**card_of(current), "rollback": rollback})
    assert noted(run(bad, run_id="r2")) == {
        "pushed": 0,
        "not_pushed_because": "ann rolled back from this model on 2026-01-31: complaints",
    }
    assert noted(run(make_model(0.5), run_id="r3"))["pushed"] == 1
    assert (
        noted(run(bad, run_id="r4"))["pushed"] == 1
    )  # what a person went back to is no longer what is served
