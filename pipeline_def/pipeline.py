"""Creates the pipeline's graph: connects outputs of steps to inputs of others. Their code is in components/.

The launcher imports this module with stubs in place of the executors: see launcher/stub_executors.py.
"""

import hashlib
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.compiler import constants
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import data_types
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import BaseChannel

from components.common import storage
from components.common.code_digest import code_digest
from components.data_gate.component import DataGate, GateSettings
from components.drift.component import DriftGate
from components.drift.drift_settings import DriftSettings
from components.evaluator.component import Evaluator
from components.evaluator.evaluator_settings import EvaluatorSettings
from components.example_gen.component import TableExampleGen
from components.pusher.component import Pusher
from components.report.component import Report
from components.served_model.component import ServedModel
from components.statistics.component import StatisticsGen
from components.trainer.component import Trainer
from components.trainer.trainer_settings import TrainerSettings
from components.transform.component import Transform
from components.tuner.component import Tuner
from components.tuner.tuner_settings import TunerSettings
from pipeline_def.config.destination import destination
from pipeline_def.config.load import PipelineConfig
from pipeline_def.steps import FIRST, SERVED_MODEL, TUNER, code_of


def create_pipeline(
    config: PipelineConfig,
    root: Path | str,
    *,
    connection: mlmd.ConnectionConfig | mlmd.MetadataStoreClientConfig,
    use_cache: bool = True,
) -> Pipeline:
    """Creates the graph. Every edge carries data, except that Transform also waits for DataGate and DriftGate.

    So data that they refuse is neither transformed nor trained on.

    Args:
        config: the whole configuration, with absolute paths.
        root: the folder, or gs:// address, of the artifacts and, unless configured, of the published models.
        connection: the metadata store.
        use_cache: whether a step whose inputs, settings and code have not changed is taken from the cache.
    """
    data, place = config.data, destination(config, root)
    examples = TableExampleGen(
        settings=data,
        rejected_dir=f"{root}/rejected",
        code_digest=_digest(FIRST),
    ).with_id(FIRST)
    statistics = StatisticsGen(
        examples=examples.outputs["examples"],
        code_digest=_digest("StatisticsGen"),
    )
    schema = _schema(config, root, statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        anomalies=validator.outputs["anomalies"],
        settings=GateSettings(
            label=data.label,
            weight=data.weight,
            min_rows=data.min_rows,
            sliced=config.evaluation.sliced_features(),
            sliced_texts=tuple(sorted(config.evaluation.sliced_values())),
            split_by=data.split.by,
            has_schema=data.schema_file is not None,
            task_problems=config.task_problems(),
        ).model_dump_json(),
        code_digest=_digest("DataGate"),
    ).with_id("DataGate")
    drift = DriftGate(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        settings=DriftSettings(
            mode=data.drift,
            features=data.features,
            ignore=data.ignore,
            has_schema=data.schema_file is not None,
            has_spans="{SPAN}" in data.input,
        ),
        destination=place,
        code_digest=_digest("DriftGate"),
    ).with_id("DriftGate")
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        custom_config={
            "label": data.label,
            "weight": data.weight,
            "scaling": data.scaling,
            "missing_indicator": data.missing_indicator,
            "max_categories": data.max_categories,
            "min_category_count": data.min_category_count,
            "code_digest": _digest("Transform"),
        },
    ).with_id("Transform")
    transform.add_upstream_nodes([gate, drift])
    inputs = {
        "examples": examples.outputs["examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "transformed_examples": transform.outputs["transformed_examples"],
    }
    settings = TrainerSettings(
        name=config.name,
        label=data.label,
        weight=data.weight,
        model=config.model,
        training=config.training,
        code_digest=_digest("Trainer"),
        seeds=config.evaluation.seeds,
        # Under the root, because the artifacts of a killed run are not available to the next run.
        checkpoint_dir=f"{root}/checkpoints",
    )
    tuner = _tuner(config, inputs) if config.model.to_choose() else None
    chosen = {"hyperparameters": tuner.outputs["best_hyperparameters"]} if tuner else {}
    trainer = Trainer(settings=settings, **inputs, **chosen).with_id("Trainer")
    baseline = Trainer(settings=settings.without_regularization(), **inputs).with_id("BaselineTrainer")
    served = (
        ServedModel(
            examples=examples.outputs["examples"],
            model=trainer.outputs["model"],
            destination=place,
            code_digest=_digest(SERVED_MODEL),
        )
        if SERVED_MODEL in config.step_names()
        else None
    )
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        served_model=served.outputs["served_model"] if served else None,
        settings=EvaluatorSettings(
            label=data.label,
            weight=data.weight,
            first_seed=config.training.seed,
            evaluation=config.evaluation,
            code_digest=_digest("Evaluator"),
        ),
    )
    # A new value in each run, so that these two steps are never taken from TFX's cache.
    run_id = data_types.RuntimeParameter(name=constants.PIPELINE_RUN_ID_PARAMETER_NAME, ptype=str)
    push = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        statistics=statistics.outputs["statistics"],
        destination=place.model_dump_json(),
        run_id=run_id,
    )
    report = Report(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        drift=drift.outputs["drift"],
        candidate_run=trainer.outputs["model_run"],
        baseline_run=baseline.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        pushed_model=push.outputs["pushed_model"],
        tuner_results=tuner.outputs["tuner_results"] if tuner else None,
        config=config.model_dump_json(),
        facts_dir=f"{root}/runs",
        run_id=run_id,
    )
    steps: list[BaseNode] = [
        examples, statistics, schema, validator, gate, drift, transform, *([tuner] if tuner else []), trainer,
        baseline, *([served] if served else []), evaluator, push, report,
    ]  # fmt: skip
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=f"{root}/artifacts",
        components=steps,
        enable_cache=use_cache,
        metadata_connection_config=connection,
        beam_pipeline_args=config.beam_args(),
    )


def _digest(step: str) -> str:
    return code_digest(code_of(step))


def _schema(config: PipelineConfig, root: Path | str, statistics: BaseChannel) -> BaseNode:
    """Returns the step that imports the curated schema, or else the one that infers a schema from the statistics."""
    if config.data.schema_file is None:
        return SchemaGen(statistics=statistics, infer_feature_shape=True)
    # ImportSchemaGen's cache key has only the path, so the copy is named after its content.
    content = storage.read(config.data.schema_file)
    frozen = f"{root}/schemas/{hashlib.blake2b(content, digest_size=16).hexdigest()}.pbtxt"
    storage.write(frozen, content)
    return ImportSchemaGen(schema_file=frozen).with_id("SchemaGen")


def _tuner(config: PipelineConfig, inputs: dict[str, BaseChannel]) -> BaseNode:
    settings = TunerSettings(
        label=config.data.label,
        weight=config.data.weight,
        model=config.model,
        training=config.training,
        tuning=config.tuning,
        code_digest=_digest(TUNER),
    )
    return Tuner(settings=settings, **inputs)
