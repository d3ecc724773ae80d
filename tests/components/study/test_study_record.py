"""The record of a study survives a round trip through JSON, and derives the best entry."""

import json
import math

from components.common.ingest_record import IngestRecord, RowCounts
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.study.study_record import (
    SplitMetrics,
    StudyEntry,
    StudyMetrics,
    StudyRecord,
    TrainingResult,
    diverged_result,
)
from components.tasks.binary import BINARY, LOG_LOSS

NAN = float("nan")


def result(train: float, validation: float, curve: tuple[float, ...] = (0.7, 0.6)) -> TrainingResult:
    scores = {"score": 0.75, "further": 0.5}
    return TrainingResult(
        train=SplitMetrics(loss=train, **scores),
        validation=SplitMetrics(loss=validation, **scores),
        zero=0.5,
        l1_norm=3.0,
        l2_norm=2.0,
        features=3,
        dropped=("b",),
        seconds=1.0,
        training_curve=curve,
        validation_curve=curve,
    )


def entry(name: str, found: TrainingResult, patience: int = 0) -> StudyEntry:
    return StudyEntry(
        name=name,
        model=ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2),
        training=TrainingConfig(early_stopping=patience),
        result=found,
    )


def study(*family: StudyEntry, **paths: tuple[StudyEntry, ...]) -> StudyRecord:
    ingest = IngestRecord(
        rows=RowCounts(train=2, eval=1, test=1),
        features=("a", "b", "c"),
        label="y",
        negative_label="0",
        positive_label="1",
        digest="0123",
    )
    return StudyRecord(
        id="r1",
        config={},
        ingest=ingest,
        metrics=StudyMetrics.of(BINARY, LOG_LOSS),
        facts={},
        notes=(),
        trained=1,
        known=0,
        family=family,
        paths=paths,
    )


def test_a_result_without_scores_comes_back_from_json() -> None:
    """JSON has no NaN: NaN is written as null, and read as NaN."""
    lost = diverged_result(3, "it ran away", 1.5)
    text = lost.model_dump_json()
    assert json.loads(text)["train"] == {"loss": None, "score": None, "further": None}
    again = TrainingResult.model_validate_json(text)
    assert math.isnan(again.validation.score)
    assert math.isnan(again.gap)
    assert (again.failure, again.kept, again.epochs, again.seconds) == ("it ran away", 3, 0, 1.5)


def test_a_study_comes_back_from_json() -> None:
    made = study(entry("none", result(0.5, 0.6)), l1=(entry("l1 = 1", result(0.55, 0.58)),))
    assert StudyRecord.model_validate_json(made.model_dump_json()) == made


def test_the_gap_is_validation_minus_training() -> None:
    assert result(0.25, 0.75).gap == 0.5


def test_the_best_has_the_lowest_validation_loss_anywhere() -> None:
    """The first of equals is the best; a diverged entry never is."""
    family = (
        entry("none", result(0.1, 0.6)),
        entry("L1", diverged_result(3, "", 1.0)),
        entry("L2", result(0.3, 0.5)),
    )
    made = study(*family, l2=(entry("l2 = 1", result(0.3, 0.5)), entry("l2 = 2", result(0.9, 0.55))))
    assert made.best == family[2]
    assert made.none == family[0]
    assert [e.name for e in made.entries] == ["none", "L1", "L2", "l2 = 1", "l2 = 2"]


def test_there_is_no_best_entry_if_every_training_diverged() -> None:
    assert study(entry("none", diverged_result(3, "", 1.0))).best is None


def test_the_best_epoch_is_that_of_early_stopping() -> None:
    """It is the first with the lowest loss, from 1; None without early stopping or a finite loss."""
    curve = (0.7, 0.5, 0.5, NAN)
    assert entry("all", result(0.5, 0.5, curve), patience=2).best_epoch == 2
    assert entry("all", result(0.5, 0.5, curve)).best_epoch is None
    assert entry("all", diverged_result(3, "", 1.0), patience=2).best_epoch is None


def test_the_printed_json_has_no_curves() -> None:
    """It contains everything else, including the gap."""
    made = study(entry("none", result(0.5, 0.625)), l1=(entry("l1 = 1", result(0.55, 0.58)),))
    found = json.loads(made.to_json())
    assert found["family"][0]["result"]["gap"] == 0.125
    assert "curve" not in made.to_json()
    assert found["paths"]["l1"][0]["name"] == "l1 = 1"
