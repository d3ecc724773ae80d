"""The Trainer component: TFX's Trainer, which also reads the transformed rows."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import json_utils

from components.trainer import executor
from components.trainer.trainer_settings import TrainerSettings
from components.training.rows_input import ROWS_INPUT
from components.transform.rows_record import TRAIN, VALIDATION


class TrainerSpec(standard_component_specs.TrainerSpec):  # type: ignore[misc]
    """The specification of TFX's Trainer, plus the transformed rows."""

    INPUTS = {**standard_component_specs.TrainerSpec.INPUTS, **ROWS_INPUT}  # noqa: RUF012 (TFX's name)


class Trainer(BaseComponent):  # type: ignore[misc]
    """Trains and exports a network; has the outputs `model` and `model_run`."""

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executor.TrainerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        transformed_examples: BaseChannel,
        settings: TrainerSettings,
        hyperparameters: BaseChannel | None = None,
    ) -> None:
        """Configures the component; without `hyperparameters` the settings have all strengths."""
        super().__init__(
            TrainerSpec(
                examples=examples,
                transform_graph=transform_graph,
                transformed_examples=transformed_examples,
                hyperparameters=hyperparameters,
                train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
                eval_args=trainer_pb2.EvalArgs(splits=[VALIDATION]),
                run_fn=f"{executor.__name__}.run_fn",
                custom_config=json_utils.dumps({"settings": settings.model_dump_json()}),
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )
