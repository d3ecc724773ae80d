"""Evaluator: what is measured on the test split, and what the candidate must show beside its baseline."""

import tensorflow_model_analysis as tfma

from components.config import EvaluationConfig

CANDIDATE = "candidate"
BASELINE = "baseline"
SIGNATURE = "serving_examples"
# Our name of each metric -> TFMA's class, which is also the name it is given in TFMA's results.
METRICS = {
    "auc": "AUC",
    "pr_auc": "AUCPrecisionRecall",
    "log_loss": "BinaryCrossentropy",
    "accuracy": "BinaryAccuracy",
    "precision": "Precision",
    "recall": "Recall",
    "example_count": "ExampleCount",
}


def eval_config(label: str, settings: EvaluationConfig) -> tfma.EvalConfig:
    """The candidate beside the baseline, both through their serving signature.

    TFMA's bounds are inclusive: a value that equals its bound has passed. A NaN passes none.

    Args:
        label: the name of the label's column in the examples.
        settings: the bounds.
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
            class_name=class_name, config=f'{{"name": "{name}"}}', threshold=thresholds.get(name)
        )
        for name, class_name in METRICS.items()
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
