"""The Evaluator component: its inputs and outputs are those of TFX's Evaluator, plus the settings of this pipeline."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_component_specs import EvaluatorSpec

from components.evaluator import executor
from components.evaluator.evaluator_settings import EvaluatorSettings


class TableEvaluatorSpec(EvaluatorSpec):  # type: ignore[misc]
    """The specification of TFX's Evaluator, plus the served model and EvaluatorSettings."""

    INPUTS = {  # noqa: RUF012 (TFX's name)
        **EvaluatorSpec.INPUTS,
        "served_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    PARAMETERS = {**EvaluatorSpec.PARAMETERS, "settings": ExecutionParameter(type=str)}  # noqa: RUF012 (TFX's name)


class Evaluator(BaseBeamComponent):  # type: ignore[misc]
    """Compares the candidate with its baseline and the served model; has the outputs `evaluation` and `blessing`."""

    SPEC_CLASS = TableEvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(executor.EvaluatorExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel | None,
        served_model: BaseChannel | None,
        settings: EvaluatorSettings,
    ) -> None:
        super().__init__(
            TableEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                served_model=served_model,
                example_splits='["test"]',
                module_path=executor.__name__,
                settings=settings.model_dump_json(),
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
