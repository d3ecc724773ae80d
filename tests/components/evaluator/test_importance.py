"""Permutation importance: beside scikit-learn's, by hand, with missing values, weights, and its limits."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LogisticRegression

from components.common.importance_record import ImportanceRecord
from components.config.evaluation import EvaluationConfig
from components.evaluator.importance import (
    LabeledRows,
    candidate_importance,
    permutation_importance,
    read_rows,
)
from components.evaluator.scored_models import ScoredModel
from components.evaluator.scoring import ScoredColumns, score

WriteExamples = Callable[[Path, Mapping[str, Sequence[float]]], str]
SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"
SETTINGS = EvaluationConfig()
NAN = float("nan")


class Predictor:
    """A model of NumPy: a function of the columns."""

    def __init__(self, function: Callable[[Mapping[str, Any]], Any]) -> None:
        self._function = function

    def predict_columns(self, columns: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        return np.asarray(self._function(columns), np.float32)


def rows_of(columns: Mapping[str, Any], labels: Any, **more: Any) -> LabeledRows:
    floats = {name: np.asarray(values, np.float32) for name, values in columns.items()}
    return LabeledRows(floats, np.asarray(labels, np.float32), **more)


def values(record: ImportanceRecord) -> dict[str, Any]:
    return {item.feature: item.value for item in record.features}


@pytest.fixture(scope="module")
def sample() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The features and the labels of data/sample.csv."""
    with SAMPLE.open() as file:
        table = np.array(list(csv.reader(file))[1:], float)
    return table[:, :20], table[:, 20]


def test_beside_scikit_learn(sample: Any) -> None:
    """The same model on the same rows gives the same importance, but for the chance of 50 permutations in each."""
    features, labels = sample
    model = LogisticRegression().fit(features[:600], labels[:600])
    test, truth = features[600:], labels[600:]
    theirs = sklearn_importance(
        model, test, truth, scoring="neg_log_loss", n_repeats=50, random_state=np.random.RandomState(0)
    )
    names = [f"f{number}" for number in range(20)]
    ours = permutation_importance(
        Predictor(lambda found: model.predict_proba(np.stack([found[n] for n in names], 1))[:, 1]),
        rows_of(dict(zip(names, test.T, strict=True)), truth),
        names,
        SETTINGS,
        permutations=50,
    )
    # The standard error of a difference of two means over 50 permutations, each.
    errors = theirs.importances_std * np.sqrt(2 / 50)
    differences = np.array([values(ours)[name] for name in names]) - theirs.importances_mean
    assert (np.abs(differences) < 4 * errors + 1e-6).all()
    assert np.corrcoef([values(ours)[name] for name in names], theirs.importances_mean)[0, 1] > 0.999
    # By hand: the generated table has 5 informative columns (0, 3, 6, 11, 15), of which the model uses two above all.
    assert [item.feature for item in ours.features[:2]] in (["f11", "f15"], ["f15", "f11"])


def test_by_hand() -> None:
    """A model that knows the label of two rows: exchanged values cost log(0.9 / 0.1) on each row, kept ones nothing."""
    rows = rows_of({"a": [0, 1], "b": [5, 7]}, [0, 1])
    record = permutation_importance(
        Predictor(lambda found: 0.1 + 0.8 * found["a"]), rows, ["a", "b"], SETTINGS, permutations=400
    )
    # The values of two rows are exchanged in half of the permutations.
    assert values(record)["a"] == pytest.approx(np.log(9) / 2, rel=0.15)
    b = record.features[1]
    assert (b.feature, b.value, b.interval) == ("b", 0.0, (0.0, 0.0))
    assert (record.rows, record.sampled_from, record.permutations, record.left_out) == (2, None, 400, 0)


def test_a_missing_value_takes_its_indicator_with_it() -> None:
    """A model that only looks at whether the value is missing needs the feature."""
    rows = rows_of({"a": [NAN, 3, NAN, 3] * 25, "b": range(100)}, [1, 0, 1, 0] * 25)
    record = permutation_importance(
        Predictor(lambda found: np.where(np.isnan(found["a"]), 0.9, 0.1)), rows, ["a", "b"], SETTINGS
    )
    assert values(record)["a"] == pytest.approx(np.log(9) / 2, rel=0.2)
    assert values(record)["b"] == 0


def test_the_interval_is_that_of_the_mean_over_the_rows() -> None:
    """It is about the mean, plus and minus 1.96 standard errors of the rises of the rows."""
    generator = np.random.default_rng(5)
    a = generator.normal(size=1_000)
    labels = (generator.random(1_000) < 1 / (1 + np.exp(-2 * a))).astype(int)
    model = Predictor(lambda found: 1 / (1 + np.exp(-2 * found["a"])))
    (found,) = permutation_importance(model, rows_of({"a": a}, labels), ["a"], SETTINGS).features
    assert found.interval is not None
    orders = [np.random.default_rng(seed).permutation(1_000) for seed in range(200)]

    def losses(values: Any) -> Any:
        return -np.log(np.where(labels > 0, 1 / (1 + np.exp(-2 * values)), 1 / (1 + np.exp(2 * values))))

    # Five permutations of each row, here drawn independently of the code that is tested.
    rises = np.mean([losses(a[order]) for order in orders[:5]], axis=0) - losses(a)
    expected = np.mean([losses(a[order]).mean() for order in orders]) - losses(a).mean()
    assert found.value == pytest.approx(expected, rel=0.05)
    width = 2 * 1.96 * rises.std() / np.sqrt(1_000)
    assert found.interval[1] - found.interval[0] == pytest.approx(width, rel=0.1)
    low, high = found.interval
    assert low < expected < high


def test_rows_count_by_their_weights() -> None:
    """Only the heavy rows follow the model, so their rise is nearly the whole of the mean."""
    labels = [0, 1] * 100
    heavy = [1_000.0] * 100 + [1.0] * 100
    a = [*labels[:100], *[0.5] * 100]
    model = Predictor(lambda found: 0.1 + 0.8 * found["a"])
    light = values(permutation_importance(model, rows_of({"a": a}, labels), ["a"], SETTINGS))["a"]
    weighted = rows_of({"a": a}, labels, weights=np.asarray(heavy, np.float32))
    assert values(permutation_importance(model, weighted, ["a"], SETTINGS))["a"] > 1.5 * light


def exported(folder: Path, features: Sequence[str], kernel: Any) -> ScoredModel:
    """A saved logistic regression on these features, with the signature that reads them by name."""
    module = tf.Module()
    module.weights = [tf.Variable(tf.constant(kernel, tf.float32)[:, None])]
    # An input can't have a name with a space: see components.saved_model.input_names.
    spec = {name: tf.TensorSpec([None], tf.float32, name=name.replace(" ", "_")) for name in features}

    @tf.function(input_signature=[spec])  # type: ignore[untyped-decorator]
    def serving_default(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        stacked = tf.stack([raw[name] for name in features], axis=1)
        return {"probability": tf.reshape(tf.sigmoid(stacked @ module.weights[0]), [-1])}

    tf.saved_model.save(module, str(folder), signatures={"serving_default": serving_default})
    return ScoredModel(tf.saved_model.load(str(folder)))


def test_an_exported_model(tmp_path: Path, write_examples: WriteExamples) -> None:
    """Rows are read from tf.Examples; a name that no input can have is found; a repetition gives the same record."""
    columns: dict[str, Any] = {
        "a b": [-2.0, 2.0] * 20,
        "c": [1.0, NAN] * 20,
        "y": [0, 1] * 20,
        "w": [1.0, 2.0] * 20,
    }
    pattern = write_examples(tmp_path / "part.gz", columns)
    found = score(pattern, [{}], ScoredColumns("y"), keep=100)
    rows = read_rows(found.examples, found.rows, ("a b", "c"), ScoredColumns("y", "w"))
    assert rows.columns["a b"].tolist() == columns["a b"]
    assert rows.labels.tolist() == columns["y"]
    assert rows.weights is not None
    assert rows.weights.tolist() == columns["w"]
    assert rows.sampled_from is None
    model = exported(tmp_path / "model", ["a b", "c"], [1.0, 0.0])
    complete = rows._replace(columns={**rows.columns, "c": np.zeros(40, np.float32)})
    record = candidate_importance(model, complete, SETTINGS)
    assert record is not None
    assert [item.feature for item in record.features] == ["a b", "c"]
    assert values(record)["a b"] > 0.5
    assert values(record)["c"] == 0
    assert candidate_importance(model, complete, SETTINGS) == record


def test_the_kept_examples_are_a_sample(tmp_path: Path, write_examples: WriteExamples) -> None:
    """At most as many as asked for, drawn from the whole split; the record says from how many."""
    pattern = write_examples(tmp_path / "part.gz", {"a": list(range(1_000)), "y": [0, 1] * 500})
    found = score(pattern, [{}], ScoredColumns("y"), keep=100)
    rows = read_rows(found.examples, found.rows, ("a",), ScoredColumns("y"))
    assert rows.labels.size == 100
    assert rows.sampled_from == 1_000
    drawn = rows.columns["a"]
    assert len(set(drawn.tolist())) == 100
    assert 400 < drawn.mean() < 600
    assert score(pattern, [{}], ScoredColumns("y")).examples == ()


def test_a_wide_table_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rows first, then only the features with the largest weights; the record says so."""
    monkeypatch.setattr("components.evaluator.importance._MAX_VALUES", 40_000)
    monkeypatch.setattr("components.evaluator.importance._MIN_ROWS", 100)
    features = [f"f{number:02d}" for number in range(20)]
    kernel = [0.1 * (number % 7) for number in range(20)]
    model = exported(tmp_path / "model", features, kernel)
    generator = np.random.default_rng(0)
    rows = rows_of({name: generator.normal(size=300) for name in features}, generator.integers(2, size=300))
    record = candidate_importance(model, rows, SETTINGS)
    assert record is not None
    # 40,000 values = 4 features * 5 permutations * 100 rows * 20 features.
    assert (record.rows, record.sampled_from, len(record.features), record.left_out) == (100, 300, 4, 16)
    assert {item.feature for item in record.features} == {"f06", "f13", "f05", "f12"}


def test_what_can_not_be_measured(tmp_path: Path) -> None:
    """No rows, a model without a signature by name, or a model that predicts NaN."""
    model = exported(tmp_path / "model", ["a"], [1.0])
    assert candidate_importance(model, rows_of({"a": []}, []), SETTINGS) is None

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])  # type: ignore[untyped-decorator]
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probability": tf.zeros_like(tf.strings.length(examples), tf.float32)}

    tf.saved_model.save(tf.Module(), str(tmp_path / "x"), signatures={"serving_examples": serving_examples})
    other = ScoredModel(tf.saved_model.load(str(tmp_path / "x")))
    assert candidate_importance(other, rows_of({"a": [1.0]}, [1]), SETTINGS) is None
    undefined = permutation_importance(
        Predictor(lambda found: found["a"] * np.nan), rows_of({"a": [0.0, 1.0]}, [0, 1]), ["a"], SETTINGS
    )
    (found,) = ImportanceRecord.model_validate_json(undefined.to_json()).features
    assert (found.value, found.interval) == (None, None)
