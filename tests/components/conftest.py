"""A small table, its transformed rows, and files of tf.Examples.

TensorFlow is imported inside the fixtures: tests in example_gen/ that do not need it start fast.
"""

import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Columns = Mapping[str, Sequence[float]]
Analyze = Callable[[Columns], Any]
WriteExamples = Callable[[Path, Columns], str]
TransformRows = Callable[..., str]

SAMPLE = Path(__file__).parents[2] / "data" / "sample.csv"
# An L1 strength at which proximal Adam sets most weights of the sample's network to 0 without loss of AUC.
STRENGTH = 3e-4
NAN = float("nan")
AWKWARD = "Δ-price. 'a/b' \"x\" <script>"


@pytest.fixture(scope="session")
def table() -> Columns:
    """Four rows of three features; `y` is the label."""
    return {
        "b": [2.0, 4.0, NAN, 12.0],  # mean 6
        "a": [-1.0, 0.0, 1.0, 3.0],  # mean 0.75
        AWKWARD: [10.0, 20.0, 30.0, 50.0],  # mean 27.5
        "y": [0, 1, 0, 1],
    }


@pytest.fixture(scope="session")
def table_vectors() -> list[list[float]]:
    """The rows of `table` scaled by hand, in the order a, b, Δ."""
    return [[0.0, 0.0, 0.0], [0.25, 0.2, 0.25], [0.5, 0.4, 0.5], [1.0, 1.0, 1.0]]


@pytest.fixture(scope="session")
def transformed(analyze: Analyze, table: Columns) -> Any:
    """Transform's output (a TFTransformOutput) for `table`."""
    return analyze(table)


@pytest.fixture(scope="session")
def analyze(tmp_path_factory: pytest.TempPathFactory) -> Analyze:
    """Analyzes the columns of a table with preprocessing_fn, as TFX's Transform does."""
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

    from components.transform.preprocessing import preprocessing_fn

    def type_of(name: str, column: Sequence[Any]) -> Any:
        if name == "y":
            return tf.int64
        return tf.string if isinstance(column[0], str) else tf.float32

    def run(columns: Columns, replays: int = 0, **settings: Any) -> Any:
        custom_config = {
            "label": "y",
            "weight": None,
            "scaling": "clipped_min_max",
            "missing_indicator": "none",
            "max_categories": 50,
            "min_category_count": 5,
        } | settings
        function = functools.partial(preprocessing_fn, custom_config=custom_config)
        options = beam.options.pipeline_options.PipelineOptions(
            ["--runner=FnApiRunner", f"--direct_runner_bundle_repeat={replays}"]
        )
        folder = tmp_path_factory.mktemp("transform")
        output = str(folder / "output")
        metadata = DatasetMetadata.from_feature_spec(
            {name: tf.io.FixedLenFeature([1], type_of(name, column)) for name, column in columns.items()}
        )
        rows = [
            dict(zip(columns, ([value] for value in row), strict=True))
            for row in zip(*columns.values(), strict=True)
        ]
        with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
            data = pipeline | beam.Create(rows)
            graph = (data, metadata) | tft_beam.AnalyzeDataset(function)
            if replays:
                # TFT's own writer ends with a rename that can't run again: see test_bundles_run_again.
                _ = graph[0] | beam.Map(shutil.copytree, f"{output}/transform_fn", dirs_exist_ok=True)
            else:
                _ = graph | tft_beam.WriteTransformFn(output)
            _ = metadata | tft_beam.WriteMetadata(f"{output}/metadata", pipeline)
        return tft.TFTransformOutput(output)

    return run


@pytest.fixture(scope="session")
def write_examples() -> WriteExamples:
    """Writes the rows of a table as tf.Examples, gzipped where the name ends in .gz; `y` as an integer."""
    import tensorflow as tf

    def feature(name: str, value: float) -> tf.train.Feature:
        if name == "y":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    def write(path: Path, columns: Columns) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(path), "GZIP" if path.suffix == ".gz" else "") as writer:
            for row in zip(*columns.values(), strict=True):
                features = {n: feature(n, v) for n, v in zip(columns, row, strict=True)}
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
        return str(path)

    return write


@pytest.fixture(scope="session")
def transform_rows() -> TransformRows:
    """Writes the rows of the splits, of each of which a file of examples is given, as Transform does."""
    from components.transform.split_rows import RowReader, write_rows

    def write(folder: Path, transform: Any, splits: Mapping[str, str], weight: str | None = None) -> str:
        write_rows(RowReader(transform, "y", weight), splits, str(folder))
        return str(folder)

    return write


@pytest.fixture(scope="session")
def sample() -> dict[str, Any]:
    """The sample in 600, 200 and 200 rows (x0 and y0, x1 and y1, x2 and y2), scaled as Transform does it."""
    import numpy as np

    table = np.loadtxt(SAMPLE, delimiter=",", skiprows=1)
    table = table[np.random.default_rng(0).permutation(len(table))]
    x, y = table[:, :-1], table[:, -1:].astype(np.float32)
    low, high = x[:600].min(axis=0), x[:600].max(axis=0)
    x = np.clip((x - low) / (high - low), 0, 1).astype(np.float32)
    parts = (slice(0, 600), slice(600, 800), slice(800, None))
    return {f"x{n}": x[part] for n, part in enumerate(parts)} | {
        f"y{n}": y[part] for n, part in enumerate(parts)
    }


@pytest.fixture(scope="session")
def strength() -> float:
    """An L1 strength for the sample."""
    return STRENGTH
