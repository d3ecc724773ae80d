"""The splits of whole tables: rows keep their split, and what a model learns on one split holds on the others."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as papq
import pytest
import sklearn.linear_model
import sklearn.metrics
import tensorflow as tf

from components.config.data import SPLITS, DataConfig
from components.config.split_settings import SplitConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.row_boundaries import BLOCK_BYTES
from components.example_gen.shards import ConversionJob, convert
from components.example_gen.table import find_table
from components.examples.reader import serialized_batches

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
Rows = np.ndarray
BySeed = Callable[[str], list[dict[str, Rows]]]
SEEDS = 12
CLASSES = ("first", "second", "third", "crew")
# Passengers of the Titanic by class, sex and age: (died, survived). Dawson, "The 'unusual episode' data revisited",
# Journal of Statistics Education 3(3), 1995.
TITANIC = {
    ("first", "male", "child"): (0, 5), ("second", "male", "child"): (0, 11), ("third", "male", "child"): (35, 13),
    ("first", "female", "child"): (0, 1), ("second", "female", "child"): (0, 13),
    ("third", "female", "child"): (17, 14),
    ("first", "male", "adult"): (118, 57), ("second", "male", "adult"): (154, 14),
    ("third", "male", "adult"): (387, 75), ("crew", "male", "adult"): (670, 192),
    ("first", "female", "adult"): (4, 140), ("second", "female", "adult"): (13, 80),
    ("third", "female", "adult"): (89, 76), ("crew", "female", "adult"): (3, 20),
}  # fmt: skip


def converted(config: DataConfig, folder: Path, block_bytes: int = BLOCK_BYTES) -> dict[str, Rows]:
    """Converts a table without Beam; returns features and label of each split, float32 [rows, features + 1]."""
    table = find_table(config)
    plan = plan_blocks(table, block_bytes)
    for block in plan.blocks:
        convert(ConversionJob(table, config, str(folder), len(plan.blocks)), block)
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in table.features}
    spec[config.label] = tf.io.FixedLenFeature([], tf.int64)
    found = {}
    for split in SPLITS:
        files = sorted(str(path) for path in folder.glob(f"Split-{split}/*"))
        [serialized] = serialized_batches(files, 1_000_000)
        columns = tf.io.parse_example(serialized, spec)
        found[split] = np.column_stack([columns[name] for name in (*table.features, config.label)])
    return found


def csv(names: str, rows: Any) -> str:
    return names + "\n" + "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)


def auc(train: Rows, test: Rows) -> float:
    """Returns the test AUC of a logistic regression."""
    model = sklearn.linear_model.LogisticRegression().fit(train[:, :-1], train[:, -1])
    return float(sklearn.metrics.roc_auc_score(test[:, -1], model.decision_function(test[:, :-1])))


def expect_the_auc_of_random_splits(found: list[dict[str, Rows]], rows: Rows) -> None:
    """Compares the mean AUC of splits by hash with that of as many random splits of the same rows."""
    hashed = [auc(splits["train"], splits["test"]) for splits in found]
    randomized = []
    for seed in range(len(found)):
        order = np.random.default_rng(seed).permutation(rows)
        randomized.append(auc(order[: len(rows) * 6 // 10], order[len(rows) * 8 // 10 :]))
    assert np.mean(hashed) == pytest.approx(np.mean(randomized), abs=0.03)


@pytest.fixture
def by_seed(write: Write, settings: Settings, tmp_path: Path) -> BySeed:
    """Converts a CSV table with each seed."""

    def convert_all(text: str) -> list[dict[str, Rows]]:
        path = write("t.csv", text)
        return [
            converted(settings(path, split=SplitConfig(seed=seed)), tmp_path / f"{seed}")
            for seed in range(SEEDS)
        ]

    return convert_all


def test_six_binary_columns(by_seed: BySeed) -> None:
    """With 64 different rows of features among 2,000, the test AUC is that of random splits."""
    generator = np.random.default_rng(3)
    features = generator.integers(0, 2, size=(2_000, 6))
    score = features @ [1.5, -1.2, 1.0, -0.8, 0.5, 0.0] - 0.5
    label = generator.random(2_000) < 1 / (1 + np.exp(-score))
    rows = np.column_stack([features, label]).astype(np.float32)
    expect_the_auc_of_random_splits(by_seed(csv("a,b,c,d,e,f,y", rows)), rows)


def titanic() -> Rows:
    rows = [
        (*(group == name for name in CLASSES[:3]), sex == "male", age == "adult", survived)
        for (group, sex, age), counts in TITANIC.items()
        for survived in (0, 1)
        for _ in range(counts[survived])
    ]
    return np.array(rows, np.float32)


def test_the_titanic(by_seed: BySeed) -> None:
    """2,201 rows in 14 groups, sorted by group and label: each split has both classes, in the ratio of the table."""
    rows = titanic()
    assert (len(rows), rows[:, -1].sum()) == (2_201, 711)
    found = by_seed(csv("first,second,third,male,adult,y", rows))
    expect_the_auc_of_random_splits(found, rows)
    share = 711 / 2_201
    for splits in found:
        assert sum(len(split) for split in splits.values()) == 2_201
        for split in splits.values():
            deviation = (share * (1 - share) / len(split)) ** 0.5
            assert abs(split[:, -1].mean() - share) < 4 * deviation


COLUMNS = ("b", "name", "a", "mixed", "c", "y")


def unique_rows(numbers: Iterable[int], columns: Sequence[str] = COLUMNS) -> str:
    """Returns a table as CSV: in row n, each number is between n and n + 1. In every third row, `mixed` is text."""
    lines = [",".join(columns)]
    for n in numbers:
        cells = {"a": f"{n + 0.25}", "b": f"{n + 0.5}", "c": f"{n + 0.125}", "name": "x", "y": f"{n % 2}"}
        cells["mixed"] = "text" if n % 3 == 0 else f"{n}"
        lines.append(",".join(cells[name] for name in columns))
    return "\n".join(lines) + "\n"


def split_by_row(splits: dict[str, Rows]) -> dict[int, str]:
    """Returns the split of each row of `unique_rows` by its number."""
    return {math.floor(row[0]): split for split, rows in splits.items() for row in rows}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The split of each of 300 rows."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "whole.csv").write_text(unique_rows(range(300)))
    config = DataConfig(input=str(folder / "whole.csv"), label="y", ignore=("mixed",))
    found = split_by_row(converted(config, folder / "out"))
    assert len(found) == 300
    assert set(found.values()) == set(SPLITS)
    return found


SHUFFLED = np.random.default_rng(4).permutation(300).tolist()
TABLES = {
    "rows in another order": unique_rows(SHUFFLED),
    "more rows": unique_rows([*range(1000, 1040), *range(300), *range(2000, 2100)]),
    "fewer rows": unique_rows(range(50, 250)),
    "columns in another order": unique_rows(range(300), ("y", "c", "mixed", "a", "name", "b")),
    "another delimiter": unique_rows(range(300)).replace(",", ";"),
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES.keys())
@pytest.mark.parametrize("block_bytes", [50, BLOCK_BYTES])
def test_a_unique_row_keeps_its_split_in_other_files(
    text: str, block_bytes: int, whole: dict[int, str], write: Write, settings: Settings, tmp_path: Path
) -> None:
    """Also if the file is read in blocks of few rows."""
    config = settings(write("t.csv", text), ignore=("mixed",))
    found = split_by_row(converted(config, tmp_path / "other", block_bytes))
    shared = whole.keys() & found.keys()
    assert len(shared) == min(len(found), 300)
    assert {n: found[n] for n in shared} == {n: whole[n] for n in shared}


def test_a_unique_row_keeps_its_split_in_several_files(
    whole: dict[int, str], write: Write, settings: Settings, tmp_path: Path
) -> None:
    write("in/1.csv", unique_rows(range(100)))
    write("in/2.csv", unique_rows(range(100, 300)))
    config = settings(str(tmp_path / "in"), ignore=("mixed",))
    assert split_by_row(converted(config, tmp_path / "other")) == whole


@pytest.mark.parametrize(
    "keys",
    [
        {"ignore": ("mixed", "name", "a")},
        {"ignore": ("mixed", "b", "c")},
        {"features": ("b",)},
        {"features": ("c", "a"), "ignore": ("mixed", "name")},
    ],
)
@pytest.mark.parametrize("kind", ["csv", "quoted", "parquet"])
def test_features_and_ignored_columns_change_no_split(
    keys: dict[str, Any], kind: str, whole: dict[int, str], write: Write, settings: Settings, tmp_path: Path
) -> None:
    """Two configurations of one table are compared on the same test rows; text in an ignored column rejects no row."""
    text = unique_rows(range(300))
    path = write("t.csv", text.replace("text", '"te\nxt"') if kind == "quoted" else text)
    if kind == "parquet":
        path = str(tmp_path / "t.parquet")
        papq.write_table(pacsv.read_csv(tmp_path / "t.csv"), path)
    assert split_by_row(converted(settings(path, **keys), tmp_path / "other")) == whole


def test_equal_rows_have_the_same_splits_in_every_configuration(
    write: Write, settings: Settings, tmp_path: Path
) -> None:
    """Whether an odd column is ignored or not listed: it rejects no row, and no number of an equal row changes."""
    odd = ["3", "oops", "", "inf", "1e39", " 4 ", "nA", "-999"]
    rows = [f"{n % 7},{odd[n % 8]},{n % 2},x,{n // 3 % 2}\n" for n in range(800)]
    path = write("t.csv", "a,b,c,name,y\n" + "".join(rows))
    configs = (settings(path, ignore=("b",)), settings(path, features=("a", "c"), missing_values=("", "na")))
    ignored, listed = (converted(config, tmp_path / f"{n}") for n, config in enumerate(configs))
    assert sum(map(len, ignored.values())) == 800
    for split in SPLITS:
        assert np.array_equal(ignored[split], listed[split])


def test_an_ignored_number_makes_rows_unique(write: Write, settings: Settings, tmp_path: Path) -> None:
    """Rows that differ only in an ignored id keep their split when other rows are before them."""
    header = "id,a,y\n"
    rows = [f"{n},1,{n % 2}\n" for n in range(200)]
    whole, half = (
        converted(settings(write("t.csv", header + "".join(part)), ignore=("id",)), tmp_path / name)
        for name, part in (("whole", rows), ("half", rows[100:]))
    )
    numbered, _ = (
        split_by_row(converted(settings(write("t.csv", header + "".join(part))), tmp_path / f"ids {name}"))
        for name, part in (("whole", rows), ("half", rows[100:]))
    )
    expected = Counter(split for n, split in numbered.items() if n >= 100)
    assert {split: len(found) for split, found in half.items()} == expected
    assert {split: len(found) for split, found in whole.items()} == Counter(numbered.values())
