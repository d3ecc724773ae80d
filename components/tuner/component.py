"""The Tuner component: TFX's Tuner, which also reads the transformed rows."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import json_utils

from components.training.rows_input import ROWS_INPUT
from components.transform.rows_record import TRAIN, VALIDATION
from components.tuner import executor
from components.tuner.tuner_settings import TunerSettings


class TunerSpec(standard_component_specs.TunerSpec):  # type: ignore[misc]
    """The specification of TFX's Tuner, plus the transformed rows."""

    INPUTS = {**standard_component_specs.TunerSpec.INPUTS, **ROWS_INPUT}  # noqa: RUF012 (TFX's name)


class Tuner(BaseComponent):  # type: ignore[misc]
    """Chooses the strengths; has the outputs `best_hyperparameters` and `tuner_results`."""

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(executor.TunerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        transformed_examples: BaseChannel,
        settings: TunerSettings,
    ) -> None:
        """Configures the component."""
        super().__init__(
            TunerSpec(
                examples=examples,
                transform_graph=transform_graph,
                transformed_examples=transformed_examples,
                train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
                eval_args=trainer_pb2.EvalArgs(splits=[VALIDATION]),
                tuner_fn=f"{executor.__name__}.tuner_fn",
                custom_config=json_utils.dumps({"settings": settings.model_dump_json()}),
                best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
                tuner_results=Channel(type=standard_artifacts.TunerResults),
            )
        )
