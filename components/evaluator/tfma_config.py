"""Creates TFMA's configuration of the Evaluator."""

import json

from tensorflow_model_analysis.proto import config_pb2

from components.common.file_names import SIGNATURE
from components.common.verdict_record import BASELINE, CANDIDATE
from components.evaluator.evaluator_settings import EvaluatorSettings
from components.tasks.task import Task


def eval_config(settings: EvaluatorSettings, task: Task) -> config_pb2.EvalConfig:
    """Returns TFMA's configuration: candidate and baseline through their serving signature, and no thresholds.

    Args:
        settings: the columns with label and weight, and evaluation.max_rows.
        task: what the models predict.
    """
    metrics = [
        config_pb2.MetricConfig(
            class_name="ArrayMetric",
            module="components.evaluator.tfma_metrics",
            config=json.dumps({"name": name, "max_rows": settings.evaluation.max_rows}),
        )
        for name in (*(metric.name for metric in task.metrics), "example_count")
    ]
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                name=name,
                is_baseline=name == BASELINE,
                signature_name=SIGNATURE,
                label_key=settings.label,
                example_weight_key=settings.weight or "",
                prediction_key=task.output.name,
            )
            for name in (CANDIDATE, BASELINE)
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics, model_names=[CANDIDATE, BASELINE])],
    )
