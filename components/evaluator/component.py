"""The Evaluator component: its inputs and outputs are those of TFX's Evaluator, plus the settings of this pipeline."""

import json

from tensorflow_model_analysis.proto import config_pb2
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_component_specs import EvaluatorSpec

from components.common.file_names import PREDICTION, SIGNATURE
from components.common.verdict_record import BASELINE, CANDIDATE
from components.evaluator import executor
from components.evaluator.evaluator_settings import EvaluatorSettings
from components.evaluator.metrics import METRIC_FUNCTIONS


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
                eval_config=eval_config(settings),
                example_splits='["test"]',
                module_path=executor.__name__,
                settings=settings.model_dump_json(),
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )


def eval_config(settings: EvaluatorSettings) -> config_pb2.EvalConfig:
    """Returns TFMA's configuration: candidate and baseline through their serving signature, and no thresholds.

    Args:
        settings: the columns with label and weight, and evaluation.max_rows.
    """
    metrics = [
        config_pb2.MetricConfig(
            # By name, so that the pipeline is defined without importing TFMA and Beam.
            class_name="BinaryMetric",
            module="components.evaluator.tfma_metrics",
            config=json.dumps({"name": name, "max_rows": settings.evaluation.max_rows}),
        )
        for name in METRIC_FUNCTIONS
    ]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name,
                is_baseline=name == BASELINE,
                signature_name=SIGNATURE,
                label_key=settings.label,
                example_weight_key=settings.weight or "",
                prediction_key=PREDICTION,
            )
            for name in (CANDIDATE, BASELINE)
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics, model_names=[CANDIDATE, BASELINE])],
    )
