"""The graph: which step is fed by which. Wiring only; what a step does is in components/."""

import hashlib
import shutil
from pathlib import Path

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.compiler import constants
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration import data_types, metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types.channel import BaseChannel

from components import pusher
from components.data_gate import DataGate
from components.digest import code_digest
from components.evaluator import Evaluator, EvaluatorSettings
from components.example_gen.component import TableExampleGen
from components.report.component import Report
from components.trainer import TrainerSettings
from pipeline_def.config import PipelineConfig

# FnApiRunner, because DirectRunner first looks for a binary on the network; a container image, although no container
# is started, because TFX otherwise builds a source distribution of itself for every step.
BEAM_ARGS = ["--runner=FnApiRunner", "--sdk_container_image=local"]


def create_pipeline(config: PipelineConfig, root: Path, *, use_cache: bool = True) -> Pipeline:
    """Wires the steps; all edges are of data, but for the gate, without which nothing is published.

    Args:
        config: the whole configuration, with absolute paths.
        root: the folder of the metadata store, the artifacts and, unless configured, the published models.
        use_cache: whether a step whose inputs, settings and code have not changed is served from the cache.
    """
    data = config.data
    examples = TableExampleGen(
        settings=data,
        rejected_dir=str(root / "rejected"),
        code_digest=code_digest("components.example_gen.component"),
    ).with_id("ExampleGen")
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = _schema(config, root, statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        anomalies=validator.outputs["anomalies"],
        settings=data.model_dump_json(include={"label", "min_rows"}),
        code_digest=code_digest("components.data_gate"),
    ).with_id("DataGate")
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="components.transform.preprocessing_fn",
        # The trainers apply the graph themselves: see components.trainer.read_vectors.
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
        custom_config={"label": data.label, "code_digest": code_digest("components.transform")},
    ).with_id("Transform")
    inputs = {
        "examples": examples.outputs["examples"],
        "transform_graph": transform.outputs["transform_graph"],
    }
    settings = TrainerSettings(
        label=data.label,
        model=config.model,
        training=config.training,
        code_digest=code_digest("components.trainer"),
        # Under the root, not in the artifact of the step, of which a killed run leaves nothing to the next.
        checkpoint_dir=str(root / "checkpoints"),
    )
    trainer = _trainer(settings, inputs).with_id("Trainer")
    baseline = _trainer(settings.without_regularization(), inputs).with_id("BaselineTrainer")
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        settings=EvaluatorSettings(
            label=data.label, evaluation=config.evaluation, code_digest=code_digest("components.evaluator")
        ),
    )
    push = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=_serving_directory(config, root))
        ),
        custom_config={"code_digest": code_digest("components.pusher")},
        custom_executor_spec=ExecutorClassSpec(pusher.Executor),
    )
    push.add_upstream_node(gate)
    report = Report(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        candidate_run=trainer.outputs["model_run"],
        baseline_run=baseline.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        pushed_model=push.outputs["pushed_model"],
        config=config.model_dump_json(),
        facts_dir=str(root / "runs"),
        # Another one in each run, and so the page is never another run's from the cache.
        run_id=data_types.RuntimeParameter(name=constants.PIPELINE_RUN_ID_PARAMETER_NAME, ptype=str),
    )
    steps: list[BaseNode] = [
        examples, statistics, schema, validator, gate, transform, trainer, baseline, evaluator, push, report
    ]  # fmt: skip
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(root / "artifacts"),
        components=steps,
        enable_cache=use_cache,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        beam_pipeline_args=BEAM_ARGS,
    )


def _schema(config: PipelineConfig, root: Path, statistics: BaseChannel) -> BaseNode:
    """The curated schema if there is one, otherwise the one that the statistics suggest."""
    if config.data.schema_file is None:
        return SchemaGen(statistics=statistics, infer_feature_shape=True)
    # ImportSchemaGen's cache knows the path only: under a name made from its content, an edited file is a new one.
    source = Path(config.data.schema_file)
    digest = hashlib.blake2b(source.read_bytes(), digest_size=16).hexdigest()
    frozen = root / "schemas" / f"{digest}.pbtxt"
    frozen.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, frozen)
    return ImportSchemaGen(schema_file=str(frozen)).with_id("SchemaGen")


def _trainer(settings: TrainerSettings, inputs: dict[str, BaseChannel]) -> Trainer:
    return Trainer(
        run_fn="components.trainer.run_fn",
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config={"settings": settings.model_dump_json()},
        **inputs,
    )


def _serving_directory(config: PipelineConfig, root: Path) -> str:
    return str(Path(config.serving.directory) if config.serving.directory else root / "serving")
