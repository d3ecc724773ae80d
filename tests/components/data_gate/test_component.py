"""The findings of DataGate, from protos written by hand and from the real output of TFDV."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact_utils import encode_split_names
from tfx.utils import io_utils

from components.common.errors import DataRefused
from components.common.ingest_record import IngestRecord, RowCounts
from components.common.next_steps import larger_splits
from components.data_gate.component import (
    DataGate,
    Finding,
    GateReport,
    GateSettings,
    SplitData,
    check_keys,
    find_problems,
    findings_table,
)

Columns = Mapping[str, Sequence[float]]
SETTINGS = GateSettings(label="y", min_rows=10)
ERROR, WARNING = anomalies_pb2.AnomalyInfo.ERROR, anomalies_pb2.AnomalyInfo.WARNING
SCHEMA = text_format.Parse(
    """
    feature { name: "age" type: FLOAT float_domain { name: "years" min: 0 max: 120 } presence { min_fraction: 1 } }
    feature { name: "n.o. 'x'" type: INT int_domain { max: 9 } presence { min_fraction: 0.25 } }
    feature { name: "free" type: FLOAT }
    """,
    schema_pb2.Schema(),
)


def split(
    rows: int = 100, *, zeros: int = 50, missing: int = 0, anomalies: anomalies_pb2.Anomalies | None = None
) -> SplitData:
    """A split with a feature `age`, with some missing values, and the label `y`, with some zeros."""
    statistics = statistics_pb2.DatasetFeatureStatistics(num_examples=rows)
    age, label = statistics.features.add(name="age"), statistics.features.add()
    age.num_stats.histograms.add(num_nan=missing)
    age.num_stats.histograms.add(num_nan=missing)  # TFDV gives two: of equal widths, and quantiles
    label.path.step.append("y")
    label.num_stats.min, label.num_stats.max = float(not zeros), float(zeros < rows)
    return SplitData(statistics, anomalies or anomalies_pb2.Anomalies())


def ingest_record(**fields: Any) -> IngestRecord:
    return IngestRecord(
        rows=RowCounts(train=3, eval=3, test=3), features=("a",), label="y", digest="d", **fields
    )


def found(**splits: SplitData) -> list[tuple[str, ...]]:
    return [tuple(finding) for finding in find_problems(splits, SCHEMA, SETTINGS)]


def anomaly(
    path: Sequence[str], what: str, description: str, severity: Any = ERROR
) -> anomalies_pb2.AnomalyInfo:
    info = anomalies_pb2.AnomalyInfo(short_description=what, description=description, severity=severity)
    info.path.step.extend(path)
    return info


def test_a_label_that_is_one_number() -> None:
    """A label of the type float may have no zeros, but it must have different values."""
    good, bad = split(zeros=0), split(zeros=0)
    for part, high in ((good, 9.5), (bad, 2.5)):
        label = part.statistics.features[1]
        label.type = label.FLOAT
        label.num_stats.min, label.num_stats.max = 2.5, high
    assert found(train=good) == []
    assert found(train=good, eval=bad) == [
        ("y", "one value of the label in the eval split", "different numbers", "100 rows, all 2.5")
    ]


def test_no_finding() -> None:
    """With enough rows of both classes and some missing values, there is no finding, and the table is empty."""
    good = split(rows=10, zeros=1, missing=9)
    assert found(train=good, eval=good, test=good) == []
    assert findings_table([]) == ""


def test_too_few_rows() -> None:
    """Each split must have at least `data.min_rows` rows."""
    expected = ("too few rows", "at least 10 (data.min_rows)")
    assert found(train=split(rows=10, zeros=5), eval=split(rows=9, zeros=5), test=split(rows=0, zeros=0)) == [
        ("(eval split)", *expected, "9"),
        ("(test split)", *expected, "0"),
    ]


def test_one_class() -> None:
    """Of either class, in each split that has rows."""
    assert found(train=split(zeros=100), eval=split(zeros=0), test=split(zeros=1)) == [
        ("y", "one class in the train split", "rows of several classes", "100 rows, all with the label 0"),
        ("y", "one class in the eval split", "rows of several classes", "100 rows, all with the label 1"),
    ]


def test_no_values() -> None:
    """A finding in the training split, as there is no mean to impute; other splits use the training mean."""
    empty = split(missing=100)
    assert found(train=empty, eval=empty, test=split()) == [
        ("age", "no values", "at least one number to train on", "100 rows, all missing")
    ]
    assert found(train=split(missing=99), eval=empty, test=empty) == []


def test_anomalies() -> None:
    """Of severity ERROR, with what the schema expects; one that several splits share is listed once, for the first.

    The keys are as in TFDV, which quotes a name with a dot in it.
    """
    infos = {
        "age": anomaly(["age"], "Out-of-range values", "Unexpectedly high value: 130."),
        "'n.o. \\'x\\''": anomaly(["n.o. 'x'"], "Unexpected data type", "Expected INT but got FLOAT"),
        "free": anomaly(["free"], "Column dropped", "Column is completely missing"),
        "more": anomaly([], "New column", "New column (column in data but not in schema)"),
        "fine": anomaly(["fine"], "Almost", "Only a warning", WARNING),
    }
    bad = split(anomalies=anomalies_pb2.Anomalies(anomaly_info=infos))
    alone = split(
        anomalies=anomalies_pb2.Anomalies(anomaly_info={"age": anomaly(["age"], "Other", "Of test.")})
    )
    range_of_age = "FLOAT, min 0.0, max 120.0, present in 100% of the rows"
    assert sorted(found(train=split(), eval=bad, test=bad)) == [
        ("age", "Out-of-range values", range_of_age, "Unexpectedly high value: 130. (eval split)"),
        ("free", "Column dropped", "FLOAT", "Column is completely missing (eval split)"),
        (
            "more",
            "New column",
            "no such column",
            "New column (column in data but not in schema) (eval split)",
        ),
        (
            "n.o. 'x'",
            "Unexpected data type",
            "INT, max 9, present in 25% of the rows",
            "Expected INT but got FLOAT (eval split)",
        ),
    ]
    assert found(train=alone, eval=split(), test=split()) == [
        ("age", "Other", range_of_age, "Of test. (train split)")
    ]


def test_anomalies_of_the_table_as_a_whole() -> None:
    """Of severity ERROR, under the feature (all)."""
    whole = anomalies_pb2.Anomalies(dataset_anomaly_info=anomaly([], "Low num examples", "Too small."))
    assert found(train=split(anomalies=whole), eval=split(), test=split(anomalies=whole)) == [
        ("(all)", "Low num examples", "see the schema", "Too small. (train split)")
    ]
    whole.dataset_anomaly_info.severity = WARNING
    assert found(train=split(anomalies=whole)) == []


def test_slices_of_features_that_do_not_exist() -> None:
    """Each is listed once, with a suggestion; the label is not a feature, and a split without rows has no features."""
    settings = SETTINGS.model_copy(update={"sliced": ("aeg", "age", "y")})
    empty = SplitData(statistics_pb2.DatasetFeatureStatistics(), anomalies_pb2.Anomalies())
    findings = find_problems({"train": split(), "eval": split(), "test": empty}, SCHEMA, settings)
    assert [tuple(finding) for finding in findings[1:]] == [
        ("aeg", "no such feature", "a feature of the data (evaluation.slices)", "did you mean 'age'?"),
        ("y", "no such feature", "a feature of the data (evaluation.slices)", "there are 'age'"),
    ]
    assert findings[0].problem == "too few rows"


def test_a_slice_of_the_weight() -> None:
    """Like the label, the weight is not a feature."""
    settings = SETTINGS.model_copy(update={"sliced": ("w",), "weight": "w"})
    weighted = split()
    weighted.statistics.features.add(name="w").num_stats.histograms.add()
    findings = find_problems({"train": weighted}, SCHEMA, settings)
    assert [tuple(finding) for finding in findings] == [
        ("w", "no such feature", "a feature of the data (evaluation.slices)", "there are 'age'"),
    ]


def test_table() -> None:
    """Columns are aligned; the last one has no trailing blanks."""
    findings = [
        Finding("a", "too few rows", "20", "3"),
        Finding("a long name", "x", "at least one number", "none at all"),
    ]
    assert findings_table(findings) == (
        "feature      problem       expected             found\n"
        "a            too few rows  20                   3\n"
        "a long name  x             at least one number  none at all"
    )


Describe = Callable[[Columns], statistics_pb2.DatasetFeatureStatisticsList]


@pytest.fixture(scope="module")
def describe(tmp_path_factory: pytest.TempPathFactory) -> Describe:
    """TFDV's statistics of a table; the label is `y`, an integer."""
    import apache_beam as beam
    import pyarrow as pa
    import tensorflow_data_validation as tfdv

    def run(columns: Columns) -> statistics_pb2.DatasetFeatureStatisticsList:
        path = str(tmp_path_factory.mktemp("statistics") / "FeatureStats.pb")
        arrays = {
            name: pa.array([[v] for v in values], pa.list_(pa.int64() if name == "y" else pa.float32()))
            for name, values in columns.items()
        }
        with beam.Pipeline(runner="FnApiRunner") as pipeline:
            batch = pipeline | beam.Create([pa.RecordBatch.from_pydict(arrays)])
            _ = batch | tfdv.GenerateStatistics() | tfdv.WriteStatisticsToBinaryFile(path)
        return tfdv.load_stats_binary(path)

    return run


@pytest.fixture
def gate(tmp_path: Path, describe: Describe) -> Callable[[Columns, Columns], str]:
    """Runs the component; the schema and two splits are from the first table, the test split is from the second."""
    import tensorflow_data_validation as tfdv

    statistics, anomalies = standard_artifacts.ExampleStatistics(), standard_artifacts.ExampleAnomalies()
    schema, report = standard_artifacts.Schema(), GateReport()
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "e")
    ingest_record().write(examples.uri)
    statistics.uri, anomalies.uri, schema.uri, report.uri = (str(tmp_path / name) for name in "sagr")
    statistics.split_names = anomalies.split_names = encode_split_names(["train", "eval", "test"])

    def run(usual: Columns, test: Columns) -> str:
        usual_statistics = describe(usual)
        test_statistics = usual_statistics if test is usual else describe(test)
        expected = tfdv.infer_schema(usual_statistics)
        io_utils.write_pbtxt_file(f"{schema.uri}/schema.pbtxt", expected)
        for name in ("train", "eval", "test"):
            of_split = test_statistics if name == "test" else usual_statistics
            io_utils.write_bytes_file(
                f"{statistics.uri}/Split-{name}/FeatureStats.pb", of_split.SerializeToString()
            )
            diff = tfdv.validate_statistics(of_split, expected)
            io_utils.write_bytes_file(f"{anomalies.uri}/Split-{name}/SchemaDiff.pb", diff.SerializeToString())
        try:
            DataGate.test_call(
                examples=examples,
                statistics=statistics,
                schema=schema,
                anomalies=anomalies,
                report=report,
                settings='{"label": "y", "min_rows": 3}',
                code_digest="",
            )
        finally:
            written = (tmp_path / "r" / "findings.txt").read_text()
        return written

    return run


def test_the_component_refuses(gate: Callable[[Columns, Columns], str], tmp_path: Path) -> None:
    """One error lists all findings from the real statistics and anomalies of TFDV; the report has the same text."""
    nan = float("nan")
    usual: Columns = {"a.b": [1, 2, 3], "none": [nan] * 3, "y": [0, 1, 1]}
    with pytest.raises(DataRefused) as caught:
        gate(usual, {"none": [nan] * 3, "c d": [1, 2, 3], "y": [1, 1, 1]})
    expected = (
        "feature  problem                      expected                              found\n"
        "none     no values                    at least one number to train on       3 rows, all missing\n"
        "y        one class in the test split  rows of several classes               3 rows, all with the label 1\n"
        "a.b      Column dropped               FLOAT, present in 100% of the rows    Column is completely missing"
        " (test split)\n"
        "c d      New column                   no such column                        New column (column in data but"
        " not in schema) (test split)"
    )
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[-1]) == ("The data is not fit for training:", larger_splits("row"))
    table = lines[1:-1]
    squeezed = [[cell.strip() for cell in line.split("  ") if cell] for line in table]
    assert sorted(squeezed) == sorted(
        [cell.strip() for cell in line.split("  ") if cell] for line in expected.splitlines()
    )
    assert (tmp_path / "r" / "findings.txt").read_text() == "\n".join(table)


def test_a_key_of_another_task() -> None:
    """The message has the key, what the table is, and what can be changed; other tasks accept the key."""
    settings = SETTINGS.model_copy(
        update={"task_problems": {"regression": "evaluation.min_auc: expected 0.6"}}
    )
    number = ingest_record(task="regression", task_reason="the label 'y' has numbers with fractions")
    with pytest.raises(DataRefused) as caught:
        check_keys(number, settings)
    assert str(caught.value).splitlines() == [
        "evaluation.min_auc: expected 0.6",
        "With data.task auto, the task is regression: the label 'y' has numbers with fractions. Remove the key, or set "
        "data.task if another task is meant.",
    ]
    check_keys(ingest_record(), settings)


def test_the_component_accepts(gate: Callable[[Columns, Columns], str]) -> None:
    """The report exists and is empty."""
    usual: Columns = {"a.b": [1, 2, float("nan")], "y": [0, 1, 1]}
    assert gate(usual, usual) == ""


def _categorical(missing: int, anomalies: anomalies_pb2.Anomalies | None = None) -> SplitData:
    data = split(anomalies=anomalies)
    color = data.statistics.features.add(name="color")
    color.string_stats.unique = 2
    color.custom_stats.add(name="missing_rows", num=missing)
    return data


def test_a_categorical_feature_without_values() -> None:
    """It is found by the number of its missing values."""
    assert found(train=_categorical(100)) == [
        ("color", "no values", "at least one text to train on", "100 rows, all missing")
    ]
    assert found(train=_categorical(99)) == []


def test_another_text() -> None:
    """The domain of an inferred schema lists texts of the table itself; only that of a given schema is binding."""
    info = anomaly(
        ["color"], "Unexpected string values", "Examples contain values missing from the schema: pink"
    )
    info.reason.add(type=anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES)
    data = _categorical(0, anomalies_pb2.Anomalies(anomaly_info={"color": info}))
    assert find_problems({"test": data}, SCHEMA, SETTINGS) == []
    given = SETTINGS.model_copy(update={"has_schema": True})
    [finding] = find_problems({"test": data}, SCHEMA, given)
    assert (finding.feature, finding.problem) == ("color", "Unexpected string values")


def test_too_many_different_texts() -> None:
    """A million are allowed; each finding is listed once, whatever number of splits has it."""
    data = _categorical(0)
    data.statistics.features[-1].string_stats.unique = 1_000_000
    assert find_problems({"train": data, "test": data}, SCHEMA, SETTINGS) == []
    data.statistics.features[-1].string_stats.unique += 1
    [finding] = find_problems({"train": data, "test": data}, SCHEMA, SETTINGS)
    assert (finding.feature, finding.problem, finding.expected) == (
        "color", "too many different texts", "at most 1,000,000"
    )  # fmt: skip
    assert "data.ignore" in finding.found


def test_slices_of_a_categorical_feature() -> None:
    """It is divided by its values, and a numeric one by edges."""
    both = SETTINGS.model_copy(update={"sliced": ("color",), "sliced_texts": ("y", "size")})
    findings = find_problems({"test": _categorical(0)}, SCHEMA, both)
    assert [(finding.feature, finding.expected) for finding in findings] == [
        ("color", "values and no edges (evaluation.slices)"),
        ("y", "a feature of the data (evaluation.slices)"),
        ("size", "a feature of the data (evaluation.slices)"),
    ]
    right = SETTINGS.model_copy(update={"sliced_texts": ("color",)})
    assert find_problems({"test": _categorical(0)}, SCHEMA, right) == []
    numeric = SETTINGS.model_copy(update={"sliced_texts": ("age",)})
    [finding] = find_problems({"train": split()}, SCHEMA, numeric)
    assert (finding.feature, finding.expected) == ("age", "edges and no values (evaluation.slices)")
