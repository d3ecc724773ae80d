"""The run_fn of Trainer and BaselineTrainer: reads the data, trains the network, exports the model."""

import json
import logging
from typing import Any

import keras
import tensorflow_transform as tft

from components.common import storage
from components.common.file_names import TUNED_FILE, WEIGHTS_FILE
from components.common.formatting import named_values
from components.common.library_versions import versions_text
from components.common.scaling_record import ScalingRecord
from components.common.weight_sets import write_weight_sets
from components.examples.reader import first_rows, read_ingest
from components.saved_model.export import export
from components.saved_model.model_card import Origin, write_card
from components.saved_model.warmup import BATCHES, write_warmup
from components.tasks.known_tasks import task_of
from components.trainer.further_seeds import weight_sets
from components.trainer.trainer_settings import TrainerSettings
from components.training.calibration import recalibration_line
from components.training.checkpoints import Checkpoints, training_digest
from components.training.dataset import Dataset, dataset_arrays
from components.training.final_outputs import with_final_outputs
from components.training.read_rows import read_rows
from components.training.rows_input import ROWS
from components.training.train import train_network
from components.training.weight_report import sparsity_line, weight_report
from components.transform.rows_record import SPLITS
from components.transform.vector import read_layout, read_scaling

progress = logging.getLogger("regpipe.progress")


def run_fn(fn_args: Any) -> None:
    """Trains one network and exports it. TFX calls this; `fn_args` is a tfx FnArgs.

    Writes the SavedModel to `fn_args.serving_model_dir`, and beside it the other weights that the Evaluator scores (see
    `components.common.weight_sets`). Writes to `fn_args.model_run_dir` the metrics of each epoch
    (`history.json`), a report on the weights (`weights.json`), how the features are scaled (`scaling.json`), how the
    network was recalibrated, if it was trained with class weights (`calibration.json`), the Tuner's strengths, if there
    is a Tuner (`tuned.json`), and the logs for TensorBoard. A run that was killed resumes from its last checkpoint. The
    checkpoints are removed after the export.
    """
    settings = TrainerSettings.model_validate_json(fn_args.custom_config["settings"])
    run_dir = fn_args.model_run_dir
    if fn_args.hyperparameters:
        strengths = fn_args.hyperparameters["values"]
        storage.write(f"{run_dir}/{TUNED_FILE}", json.dumps(strengths, indent=1).encode())
        progress.info("trains with the Tuner's strengths: %s", named_values(strengths))
        settings = settings.with_strengths(strengths)
    ingest = read_ingest(fn_args.train_files[0])
    task = task_of(ingest.task)
    settings = settings.model_copy(update={"training": settings.training.for_task(task)})
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    outputs = task.output.width(ingest.classes)
    train, validation = (
        read_rows(fn_args.custom_config[ROWS], split, settings.training.memory).with_outputs(outputs)
        for split in SPLITS
    )
    checkpoints = _checkpoints(settings, train, validation)
    trained = train_network(settings.model, settings.training, train, validation, run_dir, checkpoints)
    # Before the recalibration, which changes the scale of the output layer: the norms are those that were penalized.
    layout = read_layout(transform, settings.label, settings.weight)
    report = weight_report(trained.network, layout.features, layout.names)
    storage.write(f"{run_dir}/{WEIGHTS_FILE}", json.dumps(report, indent=1).encode())
    sparsity = sparsity_line(report)
    if sparsity:
        progress.info(sparsity)
    trained, calibration = with_final_outputs(trained, settings.training, train, validation)
    if calibration:
        calibration.write(run_dir)
        progress.info(recalibration_line(calibration))
    scaling = read_scaling(transform, settings.label, settings.weight)
    scaling.write(run_dir)
    _export(trained.network, transform, scaling, settings, fn_args)
    sets = weight_sets(settings, trained, train, validation)
    write_weight_sets(fn_args.serving_model_dir.rpartition("/")[0], sets)
    if checkpoints:
        checkpoints.clear()


def _export(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    scaling: ScalingRecord,
    settings: TrainerSettings,
    fn_args: Any,
) -> None:
    """Writes the SavedModel with its warm-up requests and its model card."""
    path = fn_args.serving_model_dir
    ingest = read_ingest(fn_args.train_files[0])
    task = task_of(ingest.task)
    export(model, transform, settings.label, path, ingest.classes, settings.weight)
    features = sorted([*scaling.features, *scaling.categories])
    write_warmup(path, first_rows(fn_args.train_files, max(BATCHES)), features, task)
    origin = Origin(
        name=settings.name,
        ingest=ingest,
        model=settings.model,
        training=settings.training,
        code_digest=settings.code_digest,
    )
    write_card(path, origin, scaling)


def _checkpoints(settings: TrainerSettings, train: Dataset, validation: Dataset) -> Checkpoints | None:
    """Returns the checkpoints of this training, named after its settings, code, data and library versions."""
    if settings.checkpoint_dir is None:
        return None
    text = f"{versions_text()} {settings.model_dump_json(exclude={'checkpoint_dir'})}"
    return Checkpoints(
        f"{settings.checkpoint_dir}/{training_digest(text, dataset_arrays(train, validation))}"
    )
