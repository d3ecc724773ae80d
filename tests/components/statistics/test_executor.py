"""StatisticsGen compared with TFX's own on the same examples: equal counts and moments, ranks at least as exact."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.executor import Executor as TfxExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.types.artifact_utils import encode_split_names

from components.common.feature_auc_record import FeatureAucRecord
from components.common.ingest_record import IngestRecord, RowCounts
from components.examples.codec import ExampleTemplate
from components.statistics import class_sample, executor
from components.statistics.column_summary import ColumnSummary
from components.statistics.columns import Columns
from components.statistics.executor import Shard, StatisticsExecutor, read_columns, summarize
from components.statistics.protos import to_proto
from components.statistics.thinning import POINTS

Table = Mapping[str, Sequence[float]]
WriteExamples = Callable[[Path, Table], str]
Numbers = npt.NDArray[np.float64]
NAN = float("nan")
SAMPLE = Path(__file__).parents[3] / "data" / "sample.csv"
AWKWARD = "Δ-price. 'a/b' \"x\" <script>"
TFDV_ERROR = 0.01  # its own bound, as a share of the rows


class Compared(NamedTuple):
    """By split: the rows, the statistics of this project, and those of TFX's StatisticsGen."""

    tables: dict[str, Table]
    actual: dict[str, statistics_pb2.DatasetFeatureStatisticsList]
    reference: dict[str, statistics_pb2.DatasetFeatureStatisticsList]


def cut(table: Table, start: int, end: int) -> Table:
    return {name: values[start:end] for name, values in table.items()}


def write_split(write: WriteExamples, folder: Path, table: Table, files: int) -> None:
    """Writes the rows to so many files; the first one is gzipped."""
    rows = len(table["y"])
    for number in range(files):
        name = f"part-{number}" + ("" if number else ".gz")
        write(folder / name, cut(table, rows * number // files, rows * (number + 1) // files))


def run(kind: Any, root: Path, splits: Sequence[str], output: str, options: str = "") -> dict[str, Any]:
    """Runs the executor on the examples below `root`; returns the statistics by split."""
    examples, statistics = standard_artifacts.Examples(), standard_artifacts.ExampleStatistics()
    examples.uri, statistics.uri = str(root / "examples"), str(root / output)
    examples.split_names, examples.span = encode_split_names(list(splits)), 7
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=local"],
        tmp_dir=str(root / "temp"),
    )
    properties = {"stats_options_json": options} if options else {}
    kind(context).Do({"examples": [examples]}, {"statistics": [statistics]}, properties)
    assert (statistics.split_names, statistics.span) == (examples.split_names, 7)
    return {split: load(Path(statistics.uri, f"Split-{split}", "FeatureStats.pb")) for split in splits}


def load(path: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())


def ingest(root: Path, table: Table, weight: str | None = None) -> None:
    """Writes the ingest record of the table."""
    IngestRecord(
        rows=RowCounts(train=0, eval=0, test=0),
        features=tuple(name for name in table if name not in ("y", weight)),
        label="y",
        weight=weight,
        negative_label="0",
        positive_label="1",
        span=7,
        digest="",
    ).write(str(root / "examples"))


def awkward() -> Table:
    """5,000 rows, which is more than are kept without thinning."""
    generator, rows = np.random.default_rng(3), 5_000
    normal = generator.normal(size=rows)
    return {
        "Z": normal.tolist(),
        AWKWARD: np.where(generator.random(rows) < 0.3, NAN, 1e-3 * normal).tolist(),
        "a": [2.5] * rows,
        "none": [NAN] * rows,
        "huge": (3e37 * normal).tolist(),
        "skewed": np.exp(4 * normal).tolist(),
        "many zeros": np.where(normal < 1, 0, normal).tolist(),
        "whole": generator.integers(-3, 4, size=rows).astype(float).tolist(),
        "y": (normal > 0).astype(int).tolist(),
    }


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, write_examples: WriteExamples) -> Compared:
    """The awkward table: in three files; one row of it; none; and its first 100 rows."""
    root, table = tmp_path_factory.mktemp("compared"), awkward()
    splits = {"train": (table, 3), "eval": (cut(table, 1, 2), 1), "test": (cut(table, 0, 0), 1)}
    splits["few"] = (cut(table, 0, 100), 2)
    for split, (rows, files) in splits.items():
        write_split(write_examples, root / "examples" / f"Split-{split}", rows, files)
    ingest(root, table)
    tables = {split: rows for split, (rows, _) in splits.items()}
    return Compared(
        tables,
        run(StatisticsExecutor, root, list(splits), "actual"),
        run(TfxExecutor, root, list(splits), "reference"),
    )


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory, write_examples: WriteExamples) -> Compared:
    """The sample, an ordinary table."""
    root = tmp_path_factory.mktemp("sampled")
    values = np.loadtxt(SAMPLE, delimiter=",", skiprows=1)
    names = SAMPLE.read_text().splitlines()[0].split(",")
    table = {name if name != "label" else "y": values[:, n].tolist() for n, name in enumerate(names)}
    write_split(write_examples, root / "examples" / "Split-train", table, 2)
    ingest(root, table)
    return Compared(
        {"train": table},
        run(StatisticsExecutor, root, ["train"], "actual"),
        run(TfxExecutor, root, ["train"], "reference"),
    )


@pytest.fixture(params=["compared", "sampled"])
def both(request: pytest.FixtureRequest) -> Compared:
    found: Compared = request.getfixturevalue(request.param)
    return found


class Column(NamedTuple):
    """One column of one split: its values that are not missing, in float32, and both statistics."""

    values: npt.NDArray[np.float32]
    actual: statistics_pb2.FeatureNameStatistics
    reference: statistics_pb2.FeatureNameStatistics


def columns(both: Compared) -> Iterator[Column]:
    for split, table in both.tables.items():
        pairs = zip(
            both.actual[split].datasets[0].features, both.reference[split].datasets[0].features, strict=True
        )
        for actual, reference in pairs:
            values = np.asarray(table[actual.path.step[0]], np.float32)
            yield Column(values[~np.isnan(values)], actual, reference)


def buckets(histogram: statistics_pb2.Histogram) -> Numbers:
    """Returns low, high and count of each bucket."""
    rows = [(bucket.low_value, bucket.high_value, bucket.sample_count) for bucket in histogram.buckets]
    return np.array(rows, np.float64).reshape(-1, 3)


def test_counts_are_equal(both: Compared) -> None:
    """Also the features, their order (which the schema adopts), their types and extremes."""
    for split, table in both.tables.items():
        actual, reference = both.actual[split].datasets[0], both.reference[split].datasets[0]
        assert actual.num_examples == reference.num_examples == len(table["y"])
        assert [f.path for f in actual.features] == [f.path for f in reference.features]
    for _, actual, reference in columns(both):
        assert (actual.type, actual.num_stats.common_stats) == (
            reference.type,
            reference.num_stats.common_stats,
        )
        for field in ("num_zeros", "min", "max"):
            assert getattr(actual.num_stats, field) == getattr(reference.num_stats, field)
        kinds = [[(h.type, h.num_nan) for h in which.num_stats.histograms] for which in (actual, reference)]
        assert kinds[0] == kinds[1]


def test_moments_are_equal_within_rounding(both: Compared) -> None:
    """Mean and standard deviation; the deviation of a constant column is exactly 0."""
    for values, actual, reference in columns(both):
        for field in ("mean", "std_dev"):
            wanted = getattr(reference.num_stats, field)
            close = pytest.approx(wanted, rel=1e-12, abs=1e-14 * float(np.abs(values).max(initial=0)))
            assert getattr(actual.num_stats, field) == close
        if actual.path.step[0] == "a":
            assert actual.num_stats.std_dev == 0


def test_ranks_are_at_least_as_exact(both: Compared) -> None:
    """Deciles are values of the column, with the right rank within a tenth of TFDV's bound."""
    for values, actual, reference in columns(both):
        if not values.size:
            continue
        found, expected = (buckets(which.num_stats.histograms[1]) for which in (actual, reference))
        assert found.shape == expected.shape
        edges = np.append(found[:, 0], found[-1, 1])
        assert edges[4] <= actual.num_stats.median <= edges[6]
        assert set(edges) <= set(values.astype(np.float64))
        below, up_to = (np.searchsorted(np.sort(values), edges, side=side) for side in ("left", "right"))
        # Among equal values, any of their ranks is right.
        wanted = np.linspace(0, 1, 11) * values.size
        error = 1 + TFDV_ERROR / 10 * values.size
        assert (below - error <= wanted).all()
        assert (wanted <= up_to + error).all()
        assert found[:, 2].sum() == pytest.approx(values.size)
        if values.size <= 100:
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_histograms_of_equal_widths(both: Compared) -> None:
    """The buckets equal TFDV's; the counts are right within a tenth of TFDV's bound."""
    for values, actual, reference in columns(both):
        if not values.size:
            continue
        found, expected = (buckets(which.num_stats.histograms[0]) for which in (actual, reference))
        wide = np.ptp(values.astype(np.float64))
        np.testing.assert_allclose(found[:, :2], expected[:, :2], rtol=1e-6, atol=1e-6 * wide)
        exact = np.searchsorted(np.sort(values).astype(np.float64), found[:, 1], side="right")
        cumulative = np.cumsum(found[:, 2])
        assert np.abs(cumulative - exact).max() <= TFDV_ERROR / 10 * values.size + 1e-6
        assert np.abs(cumulative - np.cumsum(expected[:, 2])).max() <= 2 * TFDV_ERROR * values.size + 1
        assert cumulative[-1] == pytest.approx(values.size)


def test_the_schema_and_the_validation_are_the_same(both: Compared) -> None:
    """Both give the same schema, and the statistics of one are valid against the schema of the other."""
    import tensorflow_data_validation as tfdv  # After TFX, which provides a module that tfx_bsl no longer has.

    actual, reference = both.actual["train"], both.reference["train"]
    schema = tfdv.infer_schema(reference, infer_feature_shape=True)
    assert tfdv.infer_schema(actual, infer_feature_shape=True) == schema
    assert not tfdv.validate_statistics(actual, schema).anomaly_info


@pytest.fixture(scope="module")
def weighted(tmp_path_factory: pytest.TempPathFactory, write_examples: WriteExamples) -> Compared:
    """The awkward table with fractional weights: 5,000 rows, one row, none and 100 rows."""
    import tensorflow_data_validation as tfdv

    root = tmp_path_factory.mktemp("weighted")
    weights = np.random.default_rng(4).uniform(0.1, 8, 5_000).astype(np.float32)
    table = {**awkward(), "w": weights.tolist()}
    splits = {"train": (table, 3), "eval": (cut(table, 1, 2), 1), "test": (cut(table, 0, 0), 1)}
    splits["few"] = (cut(table, 0, 100), 2)
    for split, (rows, files) in splits.items():
        write_split(write_examples, root / "examples" / f"Split-{split}", rows, files)
    ingest(root, table, "w")
    return Compared(
        {split: rows for split, (rows, _) in splits.items()},
        run(StatisticsExecutor, root, list(splits), "actual"),
        run(TfxExecutor, root, list(splits), "reference", tfdv.StatsOptions(weight_feature="w").to_json()),
    )


def test_weighted_counts_and_moments_are_those_of_tfdv(weighted: Compared) -> None:
    """Of all columns, also of the weight itself; the fields without weights are as in a run without weights."""
    for split in weighted.tables:
        actual, reference = weighted.actual[split].datasets[0], weighted.reference[split].datasets[0]
        assert actual.weighted_num_examples == pytest.approx(reference.weighted_num_examples)
    for values, actual, reference in columns(weighted):
        common, wanted = (which.num_stats.common_stats for which in (actual, reference))
        for field in ("num_non_missing", "num_missing", "avg_num_values", "tot_num_values"):
            assert getattr(common.weighted_common_stats, field) == pytest.approx(
                getattr(wanted.weighted_common_stats, field)
            )
        assert actual.num_stats.mean == pytest.approx(reference.num_stats.mean)
        found, expected = (which.num_stats.weighted_numeric_stats for which in (actual, reference))
        scale = float(np.abs(values).max(initial=0))
        for field in ("mean", "std_dev"):
            close = pytest.approx(getattr(expected, field), rel=1e-9, abs=1e-7 * scale)
            assert getattr(found, field) == close
        assert [h.num_nan for h in found.histograms] == [h.num_nan for h in expected.histograms]


def test_weighted_histograms_are_those_of_tfdv(weighted: Compared) -> None:
    """Weights below the edges of the buckets, and the deciles, are right within a tenth of TFDV's bound."""
    for split, table in weighted.tables.items():
        weights = np.asarray(table["w"], np.float32).astype(np.float64)
        for feature in weighted.actual[split].datasets[0].features:
            values = np.asarray(table[feature.path.step[0]], np.float32)
            present = ~np.isnan(values)
            found = feature.num_stats.weighted_numeric_stats
            if not present.any():
                assert not found.histograms
                continue
            order = np.argsort(values[present])
            ordered, cumulative = values[present][order], np.cumsum(weights[present][order])
            total = cumulative[-1]
            for histogram in map(buckets, found.histograms):
                assert histogram[:, 2].sum() == pytest.approx(total)
            equal_widths, deciles = map(buckets, found.histograms)
            places = np.searchsorted(ordered.astype(np.float64), equal_widths[:, 1], side="right")
            exact = np.concatenate([[0.0], cumulative])[places]
            slack = TFDV_ERROR / 10 * total + weights.max()
            assert np.abs(np.cumsum(equal_widths[:, 2]) - exact).max() <= slack
            edges = np.append(deciles[:, 0], deciles[-1, 1])
            assert edges[4] <= found.median <= edges[6]
            below, up_to = (
                np.concatenate([[0.0], cumulative])[np.searchsorted(ordered, edges, side=side)]
                for side in ("left", "right")
            )
            wanted = np.linspace(0, 1, 11) * total
            assert (below - slack <= wanted).all()
            assert (wanted <= up_to + slack).all()


def test_a_schema_from_weighted_statistics(weighted: Compared) -> None:
    """It is that of TFDV; statistics with and without weights are valid against each other's schema."""
    import tensorflow_data_validation as tfdv

    actual, reference = weighted.actual["train"], weighted.reference["train"]
    schema = tfdv.infer_schema(reference, infer_feature_shape=True)
    assert tfdv.infer_schema(actual, infer_feature_shape=True) == schema
    assert not tfdv.validate_statistics(actual, schema).anomaly_info
    assert not tfdv.validate_statistics(weighted.actual["few"], schema).anomaly_info


@pytest.mark.parametrize("rows", [300, 3_000])
def test_an_integer_weight_equals_that_many_rows(
    rows: int, tmp_path: Path, write_examples: WriteExamples
) -> None:
    """Weighted fields equal the other fields of the table with repeated rows; quantiles, if all rows are kept."""
    weights = np.random.default_rng(6).integers(1, 6, rows)
    table = cut(awkward(), 0, rows)
    found = {}
    for name, content, weight in (
        ("weights", {**table, "w": weights.tolist()}, "w"),
        ("repeated", {key: np.repeat(values, weights).tolist() for key, values in table.items()}, None),
    ):
        write_split(write_examples, tmp_path / name / "examples" / "Split-train", content, 2)
        ingest(tmp_path / name, content, weight)
        found[name] = run(StatisticsExecutor, tmp_path / name, ["train"], "statistics")["train"].datasets[0]
    assert found["weights"].weighted_num_examples == found["repeated"].num_examples == weights.sum()
    repeated = {feature.path.step[0]: feature.num_stats for feature in found["repeated"].features}
    compared = 0
    for feature in found["weights"].features:
        if feature.path.step[0] == "w":
            continue
        wanted, actual = repeated[feature.path.step[0]], feature.num_stats.weighted_numeric_stats
        common = feature.num_stats.common_stats.weighted_common_stats
        assert (common.num_non_missing, common.tot_num_values) == (weights.sum(), weights.sum())
        assert actual.mean == pytest.approx(wanted.mean, rel=1e-9, abs=1e-12)
        assert actual.std_dev == pytest.approx(wanted.std_dev, rel=1e-9, abs=1e-12)
        missing = wanted.histograms[0].num_nan
        if wanted.histograms[0].buckets:
            present = buckets(actual.histograms[1])[:, 2].sum()
            assert common.tot_num_values - present == pytest.approx(missing)
        if rows == 300:
            assert actual.median == wanted.median
            for mine, theirs in zip(actual.histograms, wanted.histograms, strict=False):
                np.testing.assert_allclose(buckets(mine), buckets(theirs), rtol=1e-6, atol=1e-6)
        compared += 1
    assert compared == len(table)


def test_a_split_without_rows(compared: Compared) -> None:
    """The bytes equal TFDV's."""
    assert compared.actual["test"].SerializeToString() == compared.reference["test"].SerializeToString()


def test_the_order_of_the_work_does_not_matter(
    tmp_path: Path, write_examples: WriteExamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files read in another order, and bundles run again, give the same bytes through two levels of merges."""
    monkeypatch.setattr(executor, "FAN_IN", 3)  # a sum of two is the same in either order
    monkeypatch.setattr(class_sample, "MAX_ROWS", 100)
    # Fifty columns, because the last digits of a few may agree by chance; each file has its own mean.
    walks = np.cumsum(np.random.default_rng(5).normal(size=(50, 210)), axis=1)
    table = {f"f{number}": walk.tolist() for number, walk in enumerate(walks)} | {"y": [0, 1] * 105}
    write_split(write_examples, tmp_path / "examples", table, 7)
    paths = sorted(map(str, (tmp_path / "examples").iterdir()))
    shards = [Shard("train", number, (path,)) for number, path in enumerate(paths)]
    written = []
    for order, repeat in ((shards, 0), (shards[::-1], 0), (shards[3:] + shards[:3], 2)):
        options = beam.options.pipeline_options.PipelineOptions([f"--direct_runner_bundle_repeat={repeat}"])
        with beam.Pipeline(runner="FnApiRunner", options=options) as pipeline:
            summarize(pipeline, order, Columns(tuple(sorted(table)), "y"), {"train": str(tmp_path)})
        written.append([(tmp_path / name).read_bytes() for name in ("FeatureStats.pb", "feature_auc.json")])
    assert written[0] == written[1] == written[2]
    assert load(tmp_path / "FeatureStats.pb").datasets[0].num_examples == 210
    assert [path.name for path in tmp_path.glob("Feature*")] == ["FeatureStats.pb"]


def test_features_that_separate_the_classes(tmp_path: Path, write_examples: WriteExamples) -> None:
    """The record is beside the statistics of the training split; the weight and the label are no features.

    The values 0 to 199 are positive from 100 on, except the rows 0 and 199, which are exchanged: of 100 * 100 pairs,
    100 are in the wrong order because of row 0, and 99 more because of row 199. If row 0 has the weight 1/99, it is
    100/99 + 99 of (1/99 + 99) * 100.
    """
    numbers = np.arange(200.0)
    label = (numbers >= 100).astype(int)
    label[[0, 199]] = [1, 0]
    weights = np.ones(200)
    weights[0] = 1 / 99
    table: Table = {
        "leak": (label * 2.0).tolist(),
        "order": numbers.tolist(),
        "none": [NAN] * 200,
        "w": weights.tolist(),
        "y": label.tolist(),
    }
    for name, weight, wrong in (
        ("plain", None, 0.0199),
        ("weighted", "w", (100 / 99 + 99) / (100 / 99 + 9_900)),
    ):
        content = {key: values for key, values in table.items() if key != "w" or weight}
        root = tmp_path / name
        for split in ("train", "test"):
            write_split(write_examples, root / "examples" / f"Split-{split}", content, 3)
        ingest(root, content, weight)
        run(StatisticsExecutor, root, ["train", "test"], "statistics")
        record = FeatureAucRecord.read(str(root / "statistics" / "Split-train"))
        assert (record.negatives, record.positives) == (100, 100)
        assert record.features == {"leak": 1.0, "none": None, "order": pytest.approx(1 - wrong, abs=1e-8)}
        assert not (root / "statistics" / "Split-test" / "feature_auc.json").exists()


def test_an_infinity(tmp_path: Path, write_examples: WriteExamples) -> None:
    """ExampleGen writes none; if there is one all the same, it is an error."""
    path = write_examples(tmp_path / "part", {"b": [1, 2], "a": [1, -float("inf")], "y": [0, 1]})
    with pytest.raises(ValueError, match="infinity") as caught:
        list(read_columns([path], Columns(("a", "b", "y"), "y")))
    assert str(caught.value) == f"{path}: expected finite values, got an infinity in 'a'."


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Numbers]:
    """A file as ExampleGen writes it, with more rows than are read at once, and its values by column."""
    random = np.random.default_rng(8)
    values = random.normal(size=(2, 120)).astype(np.float32)
    values[0, 7] = np.nan
    label = random.integers(0, 2, 120)
    path = tmp_path / "part"
    path.write_bytes(ExampleTemplate(["b", "z"], "y").encode(values, label).tobytes())
    return path, np.stack([values[0], label, values[1]])


COLUMNS = Columns(("b", "y", "z"), "y")


def test_files_of_example_gen_and_of_others_give_the_same_values(
    written: tuple[Path, Numbers],
    tmp_path: Path,
    write_examples: WriteExamples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files of ExampleGen are read without TensorFlow, some rows at a time."""
    path, values = written
    other = write_examples(tmp_path / "other.gz", dict(zip(COLUMNS.names, values.tolist(), strict=True)))
    np.testing.assert_array_equal(
        np.concatenate([batch.values for batch in read_columns([other], COLUMNS)], axis=1), values
    )
    monkeypatch.setattr(executor, "_SUMMARIZED_VALUES", 3 * 50)
    monkeypatch.delattr(executor, "_parse_with_tensorflow")
    batches = [batch.values for batch in read_columns([str(path), str(path)], COLUMNS)]
    assert [batch.shape for batch in batches] == [(3, 50), (3, 50), (3, 20)] * 2
    np.testing.assert_array_equal(np.concatenate(batches[:3], axis=1), values)


def test_a_label_that_is_a_number(
    tmp_path: Path, write_examples: WriteExamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read and summarized as any other column: its type is float, and no AUC is computed."""
    values = np.random.default_rng(8).normal(size=(3, 50)).astype(np.float32)
    columns = Columns(("b", "y", "z"), "y", number=True)
    path = tmp_path / "part"
    path.write_bytes(
        ExampleTemplate(["b", "z"], "y", number=True).encode(values[[0, 2]], values[1]).tobytes()
    )
    monkeypatch.delattr(executor, "_parse_with_tensorflow")
    (found,) = read_columns([str(path)], columns)
    np.testing.assert_array_equal(found.values, values)
    proto = to_proto(columns.summary(values), columns.names, None).datasets[0]
    assert [feature.type for feature in proto.features] == [statistics_pb2.FeatureNameStatistics.FLOAT] * 3
    assert proto.features[1].num_stats.mean == pytest.approx(values[1].mean(), abs=1e-6)
    sample = columns.sample()
    sample.add(values, np.random.default_rng(9).random(50))
    assert columns.feature_aucs(sample).features == {}


def test_a_damaged_file(written: tuple[Path, Numbers], monkeypatch: pytest.MonkeyPatch) -> None:
    """One bit is changed, in the first rows or later, or the end is missing."""
    monkeypatch.setattr(executor, "_SUMMARIZED_VALUES", 3 * 50)
    path, _ = written
    content = path.read_bytes()
    size = len(content) // 120
    later = f"{path}: damaged after row 50, or written by two programs."
    for at, error, message in (
        (40, tf.errors.DataLossError, "corrupted record"),
        (60 * size + 40, ValueError, later),
    ):
        damaged = bytearray(content)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(error, match=re.escape(message)):
            list(read_columns([str(path)], COLUMNS))
    path.write_bytes(content[:-5])
    with pytest.raises(ValueError, match=re.escape(later.replace("row 50", "row 100"))):
        list(read_columns([str(path)], COLUMNS))


def test_a_split_without_a_file(tmp_path: Path) -> None:
    """ExampleGen writes an empty file for a split without rows; no file at all is an error."""
    (tmp_path / "examples" / "Split-train").mkdir(parents=True)
    ingest(tmp_path, {"y": []})
    with pytest.raises(FileNotFoundError) as caught:
        run(StatisticsExecutor, tmp_path, ["train"], "actual")
    pattern = tmp_path / "examples" / "Split-train" / "*"
    assert str(caught.value) == f"{pattern}: expected the examples of a split, found no file."


def median_of(values: Numbers, weights: Numbers | None = None, parts: int = 1) -> float:
    """The median in the statistics of a table whose rows are summarized in parts and merged."""
    groups = np.array_split(np.arange(values.size), parts)
    summaries = [
        ColumnSummary.of(
            values[None, rows].astype(np.float32),
            None if weights is None else weights[rows].astype(np.float32),
        )
        for rows in groups
    ]
    merged = ColumnSummary.merge_stream(summaries)
    assert merged is not None
    stats = to_proto(merged, ["x"], "y").datasets[0].features[0].num_stats
    return float(stats.median if weights is None else stats.weighted_numeric_stats.median)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10, 999, 1_000, POINTS - 1, POINTS])
def test_the_median_is_that_of_numpy(size: int) -> None:
    """Also of an even number of values, whose median is the mean of the middle two, and with equal weights."""
    values = np.random.default_rng(size).normal(size=size).astype(np.float32).astype(np.float64)
    for parts in {1, min(3, size)}:
        assert median_of(values, parts=parts) == np.median(values)
        assert median_of(values, np.full(size, 2.0), parts) == np.median(values)


@pytest.mark.parametrize("size", [POINTS + 1, 10_001, 300_000])
def test_the_median_of_many_values_is_within_the_error_of_thinning(size: int) -> None:
    """The values are the ranks. Each thinning may add half of 1/POINTS to the error; these tables need two at most."""
    ranks = np.random.default_rng(1).permutation(size).astype(np.float64)
    for parts in (1, 8):
        for weights in (None, np.ones(size)):
            error = abs(median_of(ranks, weights, parts) - np.median(ranks))
            assert error <= 1 + size / POINTS


def test_the_weighted_median_lies_between_two_values_if_each_half_has_half_of_the_weight() -> None:
    """As in the table in which each row is repeated as often as its weight says: 1 1 5 9 and 1 5 5 5 9."""
    assert median_of(np.array([1.0, 5.0, 9.0]), np.array([2.0, 1.0, 1.0])) == 3.0
    assert median_of(np.array([1.0, 5.0, 9.0]), np.array([1.0, 3.0, 1.0])) == 5.0
