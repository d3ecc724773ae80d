"""The EvalConfig as TFMA understands it, and TFX's Evaluator on two small models."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_types
from tfx.components.evaluator import executor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.types.artifact_utils import encode_split_names
from tfx.utils import json_utils, proto_utils

from components.config import EvaluationConfig
from components.evaluator import eval_config

Columns = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Columns], str]
NAN = float("nan")
BOUNDS = EvaluationConfig(min_auc=0.7, max_auc_drop=0.25, max_log_loss_rise=0.125)


def passes(auc: float, auc_difference: float, log_loss_difference: float) -> bool:
    """Whether TFMA accepts a candidate with these values under BOUNDS."""
    config = tfma.utils.update_eval_config_with_defaults(
        eval_config("y", BOUNDS, ""), has_baseline=True, rubber_stamp=True
    )
    tfma.utils.verify_eval_config(config)
    values = {
        metric_types.MetricKey("auc", model_name="candidate"): auc,
        metric_types.MetricKey("auc", model_name="candidate", is_diff=True): auc_difference,
        metric_types.MetricKey("log_loss", model_name="candidate", is_diff=True): log_loss_difference,
        metric_types.MetricKey("auc", model_name="baseline"): 0.1,
    }
    return bool(metrics_validator.validate_metrics(((), values), config).validation_ok)


@pytest.mark.parametrize(
    ("auc", "auc_difference", "log_loss_difference", "expected"),
    [
        (0.9, 0.1, -0.1, True),
        (0.7, -0.25, 0.125, True),  # each equals its bound
        (0.699, 0.1, -0.1, False),
        (0.9, -0.251, -0.1, False),
        (0.9, 0.1, 0.126, False),
        (0.9, 0.9, -9.0, True),  # no better than what is too good
        (NAN, 0.1, -0.1, False),
        (0.9, NAN, -0.1, False),
        (0.9, 0.1, NAN, False),
    ],
)
def test_thresholds(auc: float, auc_difference: float, log_loss_difference: float, expected: bool) -> None:
    """A floor for AUC, a drop of AUC and a rise of log loss against the baseline: inclusive, and NaN passes none."""
    assert passes(auc, auc_difference, log_loss_difference) is expected


def test_a_changed_digest_is_another_config() -> None:
    """TFX's cache compares the EvalConfig: it differs with the code of the metrics, and only then."""
    first, again, other = (eval_config("y", BOUNDS, digest) for digest in ("1", "1", "2"))
    assert first == again
    assert first != other


Evaluate = Callable[[Columns], tuple[int, dict[str, dict[str, float]]]]


@pytest.fixture
def evaluate(tmp_path: Path, write_examples: WriteExamples) -> Evaluate:
    """Runs TFX's Evaluator over the test split of a table; each model predicts the column of its name."""

    def model(name: str) -> standard_artifacts.Model:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
        def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
            spec = {name: tf.io.FixedLenFeature([1], tf.float32)}
            return {"probability": tf.io.parse_example(examples, spec)[name]}

        artifact = standard_artifacts.Model()
        artifact.uri = str(tmp_path / name)
        path = str(tmp_path / name / "Format-Serving")
        tf.saved_model.save(tf.Module(), path, signatures={"serving_examples": serving_examples})
        return artifact

    def run(columns: Columns) -> tuple[int, dict[str, dict[str, float]]]:
        write_examples(tmp_path / "examples" / "Split-test" / "part.gz", columns)
        examples, evaluation = standard_artifacts.Examples(), standard_artifacts.ModelEvaluation()
        blessing = standard_artifacts.ModelBlessing()
        examples.uri, evaluation.uri, blessing.uri = (
            str(tmp_path / n) for n in ("examples", "result", "blessing")
        )
        examples.split_names = encode_split_names(["train", "test"])
        examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=local"],
            tmp_dir=str(tmp_path / "temp"),
        )
        executor.Executor(context).Do(
            {"examples": [examples], "model": [model("candidate")], "baseline_model": [model("baseline")]},
            {"evaluation": [evaluation], "blessing": [blessing]},
            {
                "eval_config": proto_utils.proto_to_json(eval_config("y", EvaluationConfig(), "digest")),
                "module_path": "components.evaluator",
                "example_splits": json_utils.dumps(["test"]),
            },
        )
        metrics: dict[str, dict[str, Any]] = {}
        for name in ("candidate", "baseline"):
            result = tfma.load_eval_result(evaluation.uri, model_name=name)
            ((slice_key, by_output),) = result.slicing_metrics
            assert slice_key == ()
            metrics[name] = {metric: value["doubleValue"] for metric, value in by_output[""][""].items()}
        return blessing.get_int_custom_property("blessed"), metrics

    return run


def test_two_models_through_their_signatures(evaluate: Evaluate) -> None:
    """All metrics of both by hand, the candidate's minus the baseline's as name_diff, and blessed."""
    blessed, metrics = evaluate(
        {"y": [0, 0, 1, 1], "candidate": [0.1, 0.6, 0.4, 0.9], "baseline": [0.2, 0.3, 0.2, 0.8]}
    )
    log_losses = 0.5108256, 0.6031000  # -(ln 0.9 + 2 ln 0.4 + ln 0.9) / 4, -(2 ln 0.8 + ln 0.7 + ln 0.2) / 4
    candidate = {"auc": 3 / 4, "pr_auc": (1 + 2 / 3) / 2, "log_loss": log_losses[0], "accuracy": 0.5}
    candidate |= {"precision": 0.5, "recall": 0.5, "example_count": 4}
    baseline = {"auc": 2.5 / 4, "pr_auc": (1 + 1 / 2) / 2, "log_loss": log_losses[1], "accuracy": 0.75}
    baseline |= {"precision": 1.0, "recall": 0.5, "example_count": 4}
    differences = {f"{name}_diff": candidate[name] - baseline[name] for name in candidate}
    assert metrics["baseline"] == pytest.approx(baseline, abs=1e-6)
    assert metrics["candidate"] == pytest.approx(candidate | differences, abs=1e-6)
    assert blessed == 1


def test_one_class_is_not_blessed(evaluate: Evaluate) -> None:
    """Without a row of class 0 there is no AUC: a candidate with the better log loss is not published."""
    blessed, metrics = evaluate({"y": [1, 1, 1], "candidate": [0.9, 0.9, 0.8], "baseline": [0.5, 0.5, 0.5]})
    assert metrics["candidate"]["log_loss_diff"] < 0
    assert str(metrics["candidate"]["auc"]).lower() == "nan"
    assert blessed == 0
