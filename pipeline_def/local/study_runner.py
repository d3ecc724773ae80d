"""Runs a study: the data steps of the pipeline, then trainings of many networks on their output, and a page."""

import dataclasses
import json
import logging
import statistics
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.code_digest import code_digest
from components.common.formatting import difference, duration, metric_label, number
from components.study.study_record import StudyEntry, StudyMetrics, StudyRecord, TrainingResult
from components.study.variants import StudyPlan, Variant, config_overrides, plan_study
from components.tasks.known_tasks import task_of
from pipeline_def.config.load import PipelineConfig
from pipeline_def.launcher.run_options import RunOptions
from pipeline_def.local import runner
from pipeline_def.local.leftovers import temporary_folder
from pipeline_def.runs.summary import Summary
from pipeline_def.steps import LAST, TUNER
from pipeline_def.terminal.output_capture import OutputCapture
from pipeline_def.terminal.run_display import RunDisplay, progress_sent_to

if TYPE_CHECKING:
    from components.study.trainings import Trainings

STEP = "Study"
LAST_DATA_STEP = "Transform"
RECORD_FILE = "study.json"
SECONDS_BETWEEN = 5.0  # the shortest time between two epochs that are shown; each network also has a line


@dataclasses.dataclass(frozen=True)
class CompletedStudy:
    """A completed study, and the path of its page."""

    study: StudyRecord
    page: Path


class DataStepsFailed(Exception):
    """The data was refused, or a data step failed; the reason is in `summary`."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(summary.error)
        self.summary = summary


class StudyFailed(Exception):
    """Training or writing the results failed. The message contains the error and the path of the log."""


def study(config: PipelineConfig, root: Path, strengths: int) -> CompletedStudy:
    """Trains the variants of `components.study.variants.plan_study`, except those that an earlier study has trained.

    The results are stored under `<root>/studies/` one by one, so an interrupted study can be continued. The page and
    the record of this study are in a folder there, named after the run that prepared the data.

    Args:
        config: the whole configuration.
        root: the folder of the runs.
        strengths: the number of strengths on each regularization path; 0: no paths.

    Raises:
        DataStepsFailed: a data step failed, so there is nothing to train on.
        StudyFailed: training or writing the results failed.
        CannotUseRoot: the root can't be written, or another process uses it.
    """
    with runner.lock_root(root):
        return _study_in_locked_root(config, root, strengths)


def _study_in_locked_root(config: PipelineConfig, root: Path, strengths: int) -> CompletedStudy:
    last = TUNER if config.model.to_choose() else LAST_DATA_STEP
    summary = runner.run_in_locked_root(config, RunOptions(root=root, to_step=last))
    if summary.exit_code:
        raise DataStepsFailed(summary)
    folder = root.resolve() / "studies" / summary.run_id
    folder.mkdir(parents=True)
    with (
        temporary_folder(root),
        OutputCapture(folder / "study.log") as capture,
        RunDisplay((STEP,), capture.terminal) as display,
    ):
        display.start(STEP)
        started = time.monotonic()
        try:
            found = _study(config, root.resolve(), summary, strengths, display)
            page = _write(found, folder)
        except Exception as error:
            traceback.print_exc()
            display.finish(STEP, "failed", time.monotonic() - started)
            raise StudyFailed(f"{type(error).__name__}: {error}; see {capture.path}") from error
        display.finish(STEP, "done" if found.trained else "cached", time.monotonic() - started)
    return CompletedStudy(found, page)


def _study(
    config: PipelineConfig, root: Path, summary: Summary, strengths: int, display: RunDisplay
) -> StudyRecord:
    import tensorflow_transform as tft

    from components.common.ingest_record import IngestRecord
    from components.study.trainings import StudyData, Trainings
    from components.training.read_rows import read_rows
    from components.transform.rows_record import SPLITS
    from components.transform.vector import read_layout
    from pipeline_def.runs.report_facts import write_facts
    from pipeline_def.runs.run_files import FACTS_FILE
    from pipeline_def.runs.run_store import RunStore

    run_id = summary.run_id
    outputs = RunStore.open(root).outputs(run_id)
    examples = outputs["ExampleGen", "examples"].uri
    ingest = IngestRecord.read(examples)
    task = task_of(ingest.task)
    training = config.training.for_task(task)
    transform = tft.TFTransformOutput(outputs[LAST_DATA_STEP, "transform_graph"].uri)
    label, weight = config.data.label, config.data.weight
    rows = outputs[LAST_DATA_STEP, "transformed_examples"].uri
    outputs_of_network = task.output.width(ingest.classes)
    train, validation = (
        read_rows(rows, split, training.memory).with_outputs(outputs_of_network) for split in SPLITS
    )
    data = StudyData(task, read_layout(transform, label, weight).features, train, validation)
    code = code_digest("components.study.trainings")
    write_facts(root, run_id)
    facts = json.loads((root / "runs" / run_id / FACTS_FILE).read_text("utf-8"))
    chosen = summary.tuned.values if summary.tuned else {}
    planned = plan_study(config.model.with_strengths(chosen), training, strengths)
    metrics = StudyMetrics.of(task, training.objective)
    trainings = Trainings(data, root / "studies", code)
    results, trained = _results(trainings, planned, metrics.loss, display)

    def entries(variants: Iterable[Variant]) -> tuple[StudyEntry, ...]:
        return tuple(
            StudyEntry(**v._asdict(), result=results[trainings.key(v.model, v.training)]) for v in variants
        )

    found = StudyRecord(
        id=run_id,
        config=config.model_dump(mode="json"),
        ingest=ingest,
        metrics=metrics,
        facts={
            **facts,
            "code": {step: digest for step, digest in facts["code"].items() if step != LAST} | {STEP: code},
        },
        notes=planned.notes,
        trained=trained,
        known=len(results) - trained,
        family=entries(planned.family),
        paths={penalty: entries(variants) for penalty, variants in planned.paths.items()},
    )
    if found.best is None:
        return found
    best = Variant(found.best.name, found.best.model, found.best.training)
    return found.model_copy(update={"settings": tuple(config_overrides(best, config.model, training))})


def _results(
    trainings: "Trainings", planned: StudyPlan, loss: str, display: RunDisplay
) -> tuple[dict[str, TrainingResult], int]:
    """Returns the results of all variants by key, and the number of those that were trained now."""
    variants = [*planned.family, *(variant for path in planned.paths.values() for variant in path)]
    by_key: dict[str, Variant] = {}
    for variant in variants:  # the family and the paths may have variants in common
        by_key.setdefault(trainings.key(variant.model, variant.training), variant)
    results = {key: result for key in by_key if (result := trainings.find(key))}
    missing = [key for key in by_key if key not in results]
    display.note(f"{len(by_key)} networks, {len(results)} of them trained by an earlier study")
    progress = _Progress(display, loss, len(missing))
    with progress_sent_to(progress):
        for key in missing:
            variant = by_key[key]
            progress.begin(variant.name)
            results[key] = trainings.train(variant.model, variant.training)
            progress.end(results[key])
    return results, len(missing)


class _Progress(logging.Handler):
    """Shows a line for each finished network and, during long trainings, an epoch every few seconds."""

    def __init__(self, display: RunDisplay, loss: str, total: int) -> None:
        super().__init__(logging.INFO)
        self._display = display
        self._loss = metric_label(loss)
        self._total = total
        self._head = ""
        self._seconds: list[float] = []
        self._shown = 0.0

    def begin(self, name: str) -> None:
        """Starts the next network."""
        self._head = f"{len(self._seconds) + 1} of {self._total}  {name}"
        self._shown = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Shows a progress message of the training, unless another one was shown just before."""
        if time.monotonic() - self._shown >= SECONDS_BETWEEN:
            self._show(record.getMessage())

    def end(self, result: TrainingResult) -> None:
        """Shows the result of a network."""
        self._seconds.append(result.seconds)
        left = statistics.fmean(self._seconds) * (self._total - len(self._seconds))
        outcome = f"validation {self._loss} {number(result.validation.loss)}, gap {difference(result.gap)}"
        self._show(
            f"{'diverged' if result.failure else outcome}, {duration(result.seconds)}, {duration(left)} left"
        )

    def _show(self, text: str) -> None:
        self._display.progress(STEP, f"{self._head}: {text}")
        self._shown = time.monotonic()


def _write(found: StudyRecord, folder: Path) -> Path:
    from components.report.study_page import STUDY_FILE, render

    (folder / RECORD_FILE).write_text(found.model_dump_json(indent=1) + "\n", "utf-8")
    page = folder / STUDY_FILE
    page.write_text(render(found), "utf-8")
    return page
