"""DataGate: stops the run if the data is not fit for training. TFX's ExampleValidator only reports anomalies."""

import os
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.common.errors import DataRefused
from components.common.file_names import ANOMALIES_FILE, STATISTICS_FILE
from components.common.formatting import aligned_columns
from components.common.ingest_record import IngestRecord
from components.common.next_steps import larger_splits
from components.common.suggestions import unknown_features
from components.config.base import Settings
from components.config.data import SPLITS
from components.examples.text_column import MAX_TEXTS, MISSING_ROWS

REPORT_FILE = "findings.txt"
_OTHER_TEXT = anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES
_FEW_ROWS, _ONE_CLASS, _ONE_VALUE = "too few rows", "one class in the", "one value of the label in the"


class GateReport(Artifact):  # type: ignore[misc]
    """The findings of DataGate as a table; an empty file if there are none."""

    TYPE_NAME = "GateReport"


class GateSettings(Settings):
    """The settings of DataGate.

    Attributes:
        label, weight, min_rows: the keys of data.
        sliced: the features in evaluation.slices with edges.
        sliced_texts: those with values.
        split_by: data.split.by.
        has_schema: whether data.schema_file is set. Only then is a text outside of its domain refused: the domain of an
            inferred schema just lists texts of this table.
        task_problems: by the name of a task, the key that it can't have; only with data.task: auto.
    """

    label: str
    weight: str | None = None
    min_rows: int
    sliced: tuple[str, ...] = ()
    sliced_texts: tuple[str, ...] = ()
    split_by: str = "row"
    has_schema: bool = False
    task_problems: Mapping[str, str] = {}


class Finding(NamedTuple):
    """One reason to refuse the data: the feature, the problem, what was expected and what was found."""

    feature: str
    problem: str
    expected: str
    found: str


class SplitData(NamedTuple):
    """The outputs of StatisticsGen and ExampleValidator for one split."""

    statistics: statistics_pb2.DatasetFeatureStatistics
    anomalies: anomalies_pb2.Anomalies


@component  # type: ignore[untyped-decorator]
def DataGate(  # noqa: N802, PLR0913 (named like a class; an argument for each artifact)
    examples: InputArtifact[standard_artifacts.Examples],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    schema: InputArtifact[standard_artifacts.Schema],
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    report: OutputArtifact[GateReport],
    settings: Parameter[str],
    code_digest: Parameter[str],
) -> None:
    """Raises DataRefused with a table of all findings, if there are any.

    Args:
        examples: what ExampleGen read; only its record is read.
        statistics: the statistics of each split.
        schema: the expected features.
        anomalies: the differences of each split from the schema.
        report: receives the findings.
        settings: GateSettings as JSON.
        code_digest: the digest of this code, so that a change invalidates TFX's cache.
    """
    del code_digest
    read = GateSettings.model_validate_json(settings)
    check_keys(IngestRecord.read(examples.uri), read)
    splits = {
        split: SplitData(
            statistics_pb2.DatasetFeatureStatisticsList.FromString(
                _read(statistics, split, STATISTICS_FILE)
            ).datasets[0],
            anomalies_pb2.Anomalies.FromString(_read(anomalies, split, ANOMALIES_FILE)),
        )
        for split in SPLITS
    }
    expected = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    findings = find_problems(splits, expected, read)
    io_utils.write_string_file(os.path.join(report.uri, REPORT_FILE), findings_table(findings))
    if findings:
        few = any(finding.problem.startswith((_FEW_ROWS, _ONE_CLASS, _ONE_VALUE)) for finding in findings)
        hint = f"\n{larger_splits(read.split_by)}" if few else ""
        raise DataRefused(f"The data is not fit for training:\n{findings_table(findings)}{hint}")


def check_keys(ingest: IngestRecord, settings: GateSettings) -> None:
    """Raises DataRefused if a key is set that the task does not have; the steps that read it run much later."""
    if problem := settings.task_problems.get(ingest.task):
        because = f": {ingest.task_reason}" if ingest.task_reason else ""
        raise DataRefused(
            f"{problem}\nWith data.task auto, the task is {ingest.task}{because}. Remove the key, or set data.task if "
            "another task is meant."
        )


def find_problems(
    splits: Mapping[str, SplitData], schema: schema_pb2.Schema, settings: GateSettings
) -> list[Finding]:
    """Returns all reasons to refuse the data; a problem in several splits is listed once, for the first of them."""
    findings: dict[tuple[str, str], Finding] = {}
    for name, split in splits.items():
        for finding in (
            *_rows(name, split, settings),
            *_missing(name, split),
            *_too_many_texts(split),
            *_anomalies(name, split, schema, settings),
        ):
            findings.setdefault((finding.feature, finding.problem), finding)
    return [*findings.values(), *_slices(splits.values(), settings)]


def findings_table(findings: list[Finding]) -> str:
    """Formats the findings as a table with a header and aligned columns; empty if there are none."""
    if not findings:
        return ""
    return aligned_columns([("feature", "problem", "expected", "found"), *findings])


def _rows(name: str, split: SplitData, settings: GateSettings) -> Iterator[Finding]:
    rows = split.statistics.num_examples
    if rows < settings.min_rows:
        yield Finding(
            f"({name} split)", _FEW_ROWS, f"at least {settings.min_rows} (data.min_rows)", str(rows)
        )
    for feature in split.statistics.features:
        if _name(feature) == settings.label and rows and feature.type == feature.FLOAT:
            low, high = feature.num_stats.min, feature.num_stats.max
            if low == high:
                found = f"{rows} rows, all {low:g}"
                yield Finding(settings.label, f"{_ONE_VALUE} {name} split", "different numbers", found)
        elif _name(feature) == settings.label and rows:
            low, high = feature.num_stats.min, feature.num_stats.max
            if low == high:
                found = f"{rows} rows, all with the label {low:g}"
                yield Finding(settings.label, f"{_ONE_CLASS} {name} split", "rows of several classes", found)


def _missing(name: str, split: SplitData) -> Iterator[Finding]:
    # Only the training split matters: its mean replaces missing values in all splits.
    rows = split.statistics.num_examples
    if name != "train" or not rows:
        return
    for feature in split.statistics.features:
        missing = sum(histogram.num_nan for histogram in feature.num_stats.histograms[:1])
        missing += sum(int(own.num) for own in feature.custom_stats if own.name == MISSING_ROWS)
        if missing >= rows:
            expected = f"at least one {'text' if feature.HasField('string_stats') else 'number'} to train on"
            yield Finding(_name(feature), "no values", expected, f"{rows} rows, all missing")


def _too_many_texts(split: SplitData) -> Iterator[Finding]:
    # Transform keeps all texts of the training split in memory.
    for feature in split.statistics.features:
        if feature.string_stats.unique > MAX_TEXTS:
            found = "more, as in a column of ids; data.ignore leaves it out"
            yield Finding(_name(feature), "too many different texts", f"at most {MAX_TEXTS:,}", found)


def _anomalies(
    name: str, split: SplitData, schema: schema_pb2.Schema, settings: GateSettings
) -> Iterator[Finding]:
    features = {feature.name: feature for feature in schema.feature}
    for key, anomaly in split.anomalies.anomaly_info.items():
        kinds = {reason.type for reason in anomaly.reason}
        if anomaly.severity != anomalies_pb2.AnomalyInfo.ERROR:
            continue
        if kinds == {_OTHER_TEXT} and not settings.has_schema:
            continue
        # In TFDV's keys, a name that contains a dot is quoted.
        column = ".".join(anomaly.path.step) or key
        feature = features.get(column)
        yield Finding(
            column,
            anomaly.short_description,
            _expectation(feature) if feature else "no such column",
            f"{anomaly.description} ({name} split)",
        )
    dataset = split.anomalies.dataset_anomaly_info
    if dataset.severity == anomalies_pb2.AnomalyInfo.ERROR:
        yield Finding(
            "(all)", dataset.short_description, "see the schema", f"{dataset.description} ({name} split)"
        )


def _slices(splits: Collection[SplitData], settings: GateSettings) -> Iterator[Finding]:
    # The Evaluator would detect this too, but only after both trainings.
    columns = {_name(feature) for split in splits for feature in split.statistics.features}
    columns -= {settings.label, settings.weight}
    texts = {
        _name(feature)
        for split in splits
        for feature in split.statistics.features
        if feature.HasField("string_stats")
    }
    wanted = (*settings.sliced, *settings.sliced_texts)
    for name in sorted(texts.intersection(settings.sliced)):
        yield Finding(name, "categorical", "values and no edges (evaluation.slices)", "edges")
    for name in sorted((columns - texts).intersection(settings.sliced_texts)):
        yield Finding(name, "numeric", "edges and no values (evaluation.slices)", "values")
    for name, hint in unknown_features(wanted, columns):
        yield Finding(name, "no such feature", "a feature of the data (evaluation.slices)", hint)


def _expectation(feature: schema_pb2.Feature) -> str:
    """Describes what the schema expects of a feature: `FLOAT, min 0.0, max 1.0, present in 100% of the rows`."""
    parts = [schema_pb2.FeatureType.Name(feature.type)]
    domain = feature.WhichOneof("domain_info")
    if domain in ("float_domain", "int_domain"):
        bounds = json_format.MessageToDict(getattr(feature, domain), preserving_proto_field_name=True)
        parts.append(", ".join(f"{key} {value}" for key, value in bounds.items() if key != "name"))
    if feature.presence.min_fraction:
        parts.append(f"present in {feature.presence.min_fraction:.0%} of the rows")
    return ", ".join(part for part in parts if part)


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return feature.name or ".".join(feature.path.step)


def _read(artifact: Artifact, split: str, file: str) -> bytes:
    with fileio.open(os.path.join(artifact_utils.get_split_uri([artifact], split), file), "rb") as stream:
        content: bytes = stream.read()
    return content
