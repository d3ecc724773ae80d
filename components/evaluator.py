"""Evaluator: what is measured on the test split, and what the candidate must show beside its baseline."""

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors import (
    example_weights_extractor,
    features_extractor,
    labels_extractor,
    predictions_extractor,
    slice_key_extractor,
)

from components.config import EvaluationConfig
from components.metrics import FUNCTIONS, BinaryMetric

CANDIDATE = "candidate"
BASELINE = "baseline"
SIGNATURE = "serving_examples"


def eval_config(label: str, settings: EvaluationConfig, code_digest: str) -> tfma.EvalConfig:
    """The candidate beside the baseline, both through their serving signature.

    TFMA's bounds are inclusive: a value that equals its bound has passed. A NaN passes none.

    Args:
        label: the name of the label's column in the examples.
        settings: the bounds.
        code_digest: of the metrics.
    """
    lower, higher = tfma.MetricDirection.LOWER_IS_BETTER, tfma.MetricDirection.HIGHER_IS_BETTER
    thresholds = {
        "auc": tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(lower_bound={"value": settings.min_auc}),
            change_threshold=tfma.GenericChangeThreshold(
                direction=higher, absolute={"value": -settings.max_auc_drop}
            ),
        ),
        "log_loss": tfma.MetricThreshold(
            change_threshold=tfma.GenericChangeThreshold(
                direction=lower, absolute={"value": settings.max_log_loss_rise}
            ),
        ),
    }
    metrics = [
        tfma.MetricConfig(
            class_name=BinaryMetric.__name__,
            module=BinaryMetric.__module__,
            config=json.dumps({"name": name, "code_digest": code_digest}),
            threshold=thresholds.get(name),
        )
        for name in FUNCTIONS
    ]
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                name=name,
                is_baseline=name == BASELINE,
                signature_name=SIGNATURE,
                label_key=label,
                prediction_key="probability",
            )
            for name in (CANDIDATE, BASELINE)
        ],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics, model_names=[CANDIDATE, BASELINE])],
    )


def custom_extractors(
    eval_shared_model: Any, eval_config: tfma.EvalConfig, tensor_adapter_config: Any
) -> list[Any]:
    """TFMA's extractors, without the one that takes the batches apart (the Evaluator finds this by its name)."""
    del tensor_adapter_config
    return [
        features_extractor.FeaturesExtractor(eval_config=eval_config),
        labels_extractor.LabelsExtractor(eval_config=eval_config),
        example_weights_extractor.ExampleWeightsExtractor(eval_config=eval_config),
        predictions_extractor.PredictionsExtractor(
            eval_config=eval_config, eval_shared_model=eval_shared_model
        ),
        slice_key_extractor.SliceKeyExtractor(eval_config=eval_config, materialize=False),
    ]
