"""Creates the section on the data: rows by split, rows that were set aside, statistics by feature, anomalies."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.common.formatting import count, html_significant, percent, plural
from components.common.ingest_record import IngestRecord
from components.common.next_steps import leave_out_step
from components.config.data import SPLITS
from components.examples.text_column import MISSING_ROWS
from components.report.blocks import Block, Section, TableBlock, TextBlock
from components.report.run_artifacts import RunArtifacts

MAX_EXPANDED_ROWS = 50  # a longer table is collapsed
_MAX_TEXTS = 5  # of a categorical feature
MAX_FILES = 1_000  # only this many are listed, to limit the size of the page
MAX_CLASSES = 20  # a longer table is collapsed


def data(run: RunArtifacts) -> Section:
    """Returns the section: row counts, why rows were set aside, warnings, statistics by feature, anomalies."""
    blocks = [*row_counts(run), *_warnings(run), *_statistics(run), *_anomalies(run)]
    return Section("data", "Data", tuple(blocks), _main_counts(run.ingest))


def _main_counts(ingest: IngestRecord | None) -> str:
    if ingest is None:
        return "no record"
    set_aside = f", {count(ingest.rows.rejected)} set aside" if ingest.rows.rejected else ""
    return f"{plural(ingest.rows.accepted, 'row')}, {plural(len(ingest.features), 'feature')}{set_aside}"


def row_counts(run: RunArtifacts) -> Iterator[Block]:
    """Yields the row counts by split and by file, the reasons why rows were set aside, and warnings."""
    ingest = run.ingest
    if ingest is None:
        yield TextBlock("ExampleGen wrote no ingest record.", "quiet")
        return
    total = ingest.rows.accepted + ingest.rows.rejected
    yield TextBlock(_summary(ingest))
    cells = tuple(
        (name, count(number), percent(number / total if total else 0.0)) for name, number in ingest.rows
    )
    yield TableBlock("Rows by split", ("split", "rows", "share"), cells)
    yield from _classes(ingest)
    files = ingest.files
    if len(files) > 1:
        listed = tuple((file.path, count(file.rows), count(file.rejected)) for file in files[:MAX_FILES])
        part = f", the first {MAX_FILES:,} of {len(files):,}" if len(files) > MAX_FILES else ""
        summary = f"Rows by file: {plural(len(files), 'file')}"
        yield TableBlock(f"Rows by file{part}", ("file", "rows", "rejected"), listed, summary=summary)
    reasons = tuple((str(number), reason) for number, reason in enumerate(ingest.reasons, 1))
    if reasons:
        yield TableBlock(
            "Why rows were set aside: the first reasons", ("", "reason"), reasons, text_columns=(1,)
        )
    for warning in ingest.warnings:
        yield TextBlock(f"Warning: {warning}", "bad")


def _warnings(run: RunArtifacts) -> Iterator[Block]:
    for record in (run.feature_aucs, run.candidate.scaling):
        for warning in record.warnings() if record else ():
            yield TextBlock(f"Warning: {warning}", "bad")
    leaks = tuple(run.feature_aucs.leaks()) if run.feature_aucs else ()
    if step := leave_out_step(leaks, run.ingest.possible_ids if run.ingest else ()):
        yield TextBlock(step, "bad")


def _classes(ingest: IngestRecord) -> Iterator[Block]:
    """Yields the rows of each class by split, if there are more than two classes."""
    if ingest.class_rows is None:
        return
    by_class = zip(*(ingest.class_rows[split] for split in SPLITS), strict=True)
    rows = tuple(
        (name, *map(count, counts), percent(sum(counts) / max(1, ingest.rows.accepted)))
        for name, counts in zip(ingest.classes, by_class, strict=True)
    )
    caption = "Rows by class"
    summary = f"{caption}: {plural(len(rows), 'class', 'classes')}" if len(rows) > MAX_CLASSES else ""
    yield TableBlock(caption, ("class", *SPLITS, "share"), rows, summary=summary)


def _summary(ingest: IngestRecord) -> str:
    rejected = ingest.rows.rejected
    features = plural(len(ingest.features), "feature")
    source = ", ".join(file.path for file in ingest.files[:1])
    more = len(ingest.files) - 1
    where = f" from {source}" + (f" and {plural(more, 'more file')}" if more > 0 else "") if source else ""
    meaning = f"{len(ingest.classes)} classes" if ingest.classes else "a number"
    if ingest.positive_label is not None:
        meaning = f"{ingest.positive_label!r} is positive"
    label = f"the label {ingest.label!r} ({meaning})"
    if ingest.weight is not None:
        label += f", the weight {ingest.weight!r}"
    if ingest.split is not None and ingest.split.column is not None:
        label += f", split by the {ingest.split.by} in {ingest.split.column!r}"
    set_aside = plural(rejected, "row was", "rows were") if rejected else "no rows were"
    return f"{plural(ingest.rows.accepted, 'row')}{where}, {features}, {label}; {set_aside} set aside."


def _statistics(run: RunArtifacts) -> Iterator[Block]:
    training = run.statistics.get("train")
    if training is None:
        yield TextBlock("There are no statistics of the training split.", "quiet")
        return
    weight = run.ingest.weight if run.ingest else None
    for feature in training.features:
        if _name(feature) == weight:
            yield TextBlock(_weights(feature, training.weighted_num_examples))
    # The order of the columns in the input; the label comes last.
    order = {name: number for number, name in enumerate(run.ingest.features if run.ingest else ())}
    splits = [split for split in SPLITS[1:] if split in run.statistics]
    others = [{_name(f): f for f in run.statistics[split].features} for split in splits]
    described = [
        feature
        for feature in sorted(training.features, key=lambda feature: order.get(_name(feature), len(order)))
        if _name(feature) != weight
    ]
    numeric = [feature for feature in described if not feature.HasField("string_stats")]
    rows = tuple(
        _feature(feature, training.num_examples, [other.get(_name(feature)) for other in others])
        for feature in numeric
    )
    headers = (
        "feature", "missing", "mean", "std. dev.", "zeros", "min", "median", "max",
        *(f"mean in {split}" for split in splits),
    )  # fmt: skip
    caption = f"Statistics of the training split, {plural(int(training.num_examples), 'row')}"
    summary = f"{caption}: {plural(len(rows), 'column')}" if len(rows) > MAX_EXPANDED_ROWS else ""
    yield TableBlock(caption, headers, rows, summary=summary)
    texts = tuple(
        _texts(feature, training.num_examples) for feature in described if feature.HasField("string_stats")
    )
    if texts:
        caption = "Categorical features of the training split"
        summary = f"{caption}: {len(texts)}" if len(texts) > MAX_EXPANDED_ROWS else ""
        headers = ("feature", "missing", "different texts", "most frequent, of the rows with a text")
        yield TableBlock(caption, headers, texts, text_columns=(3,), summary=summary)


def _texts(feature: Any, rows: int) -> tuple[str, ...]:
    stats = feature.string_stats
    missing = sum(int(own.num) for own in feature.custom_stats if own.name == MISSING_ROWS)
    present = rows - missing
    shares = [f"{top.value} {percent(top.frequency / present)}" for top in stats.top_values[:_MAX_TEXTS]]
    more = [f"{count(stats.unique - len(shares))} more"] if stats.unique > len(shares) else []
    return (
        _name(feature),
        percent(missing / rows if rows else 0.0),
        count(stats.unique),
        ", ".join([*shares, *more]),
    )


def _weights(feature: Any, total: float) -> str:
    stats = feature.num_stats
    low, high, mean, total_weight = (
        html_significant(value, 4) for value in (stats.min, stats.max, stats.mean, total)
    )
    return (
        f"The weights in the training split are from {low} to {high}, with a mean of {mean} and a sum of "
        f"{total_weight}. Missing values, mean, standard deviation and median are weighted."
    )


def _feature(feature: Any, rows: int, others: list[Any]) -> tuple[str, ...]:
    stats = feature.num_stats
    found = _moments(feature, rows)
    present = rows - _missing_rows(feature)
    return (
        _name(feature),
        percent(found.missing),
        html_significant(found.mean, 4),
        html_significant(found.std_dev, 4),
        percent(stats.num_zeros / present if present > 0 else 0.0),
        *(html_significant(value) for value in (stats.min, found.median, stats.max)),
        *(html_significant(_moments(other, rows).mean if other is not None else None, 4) for other in others),
    )


class _Moments(NamedTuple):
    """The share of missing values and the moments of a column, weighted if the rows have weights."""

    missing: float
    mean: float
    std_dev: float
    median: float


def _moments(feature: Any, rows: int) -> _Moments:
    stats = feature.num_stats
    common = stats.common_stats
    if common.HasField("weighted_common_stats"):
        weighted = stats.weighted_numeric_stats
        total = common.weighted_common_stats.tot_num_values
        # A weighted histogram has the weights of the values that are not missing.
        present = sum(
            bucket.sample_count for histogram in weighted.histograms[:1] for bucket in histogram.buckets
        )
        missing = max(0.0, 1 - present / total) if total else 0.0
        return _Moments(missing, weighted.mean, weighted.std_dev, weighted.median)
    missing = _missing_rows(feature) / rows if rows else 0.0
    return _Moments(missing, stats.mean, stats.std_dev, stats.median)


def _missing_rows(feature: Any) -> int:
    # Missing cells are NaN in the examples. The statistics count NaN in the histogram (num_nan), not as missing.
    stats = feature.num_stats
    missing: int = stats.common_stats.num_missing + sum(
        histogram.num_nan for histogram in stats.histograms[:1]
    )
    return missing


def _anomalies(run: RunArtifacts) -> Iterator[Block]:
    if run.anomalies is None:
        yield TextBlock("ExampleValidator wrote no anomalies.", "quiet")
        return
    rows = []
    for split, found in run.anomalies.items():
        for key, anomaly in sorted(found.anomaly_info.items()):
            # TFDV puts quotes around a name that contains a dot when it is used as a key.
            column = ".".join(anomaly.path.step) or key
            severity = anomalies_pb2.AnomalyInfo.Severity.Name(anomaly.severity).lower()
            rows.append((column, split, severity, anomaly.short_description, anomaly.description))
    if not rows:
        yield TextBlock("No anomalies: the data matches the schema.", "good")
        return
    headers = ("feature", "split", "severity", "anomaly", "description")
    yield TableBlock("Anomalies", headers, tuple(rows), text_columns=(1, 2, 3, 4))


def _name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    return feature.name or ".".join(feature.path.step)
