"""Splits by a column of the table: by the names of the splits, and by time."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as papq
import pytest

from components.common.errors import DataRefused
from components.common.split_times import seconds_of
from components.config.data import SPLITS, DataConfig
from components.config.split_settings import SplitConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.cell_parsing import PLAIN
from components.example_gen.ingest_report import write_ingest_report
from components.example_gen.row_boundaries import BLOCK_BYTES
from components.example_gen.shards import ConversionJob, convert
from components.example_gen.split import split_of_groups
from components.example_gen.split_column import group_id, times
from components.example_gen.table import find_table, inspect_table
from components.examples.codec import example_template
from components.examples.group_ids import GroupIds

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
Converted = Callable[..., dict[str, list[float]]]
BY_NAME = SplitConfig(by="column", column="part")
BY_DAY = SplitConfig(by="time", column="day", eval_from="2024-02-01", test_from="2024-03-01")
BY_YEAR = SplitConfig(by="time", column="year", eval_from="2020", test_from="2021.5")


@pytest.fixture
def converted(settings: Settings, tmp_path: Path) -> Converted:
    """Converts a table without Beam; returns the values of its only feature, `a`, in each split."""

    def convert_table(path: str, block_bytes: int = BLOCK_BYTES, **keys: Any) -> dict[str, list[float]]:
        config = settings(path, **{"max_bad_fraction": 0.5, **keys})
        table = find_table(config)
        assert table.features == ("a",)
        plan = plan_blocks(table, block_bytes)
        folder = tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}"
        job = ConversionJob(table, config, str(folder), len(plan.blocks))
        for block in plan.blocks:
            convert(job, block)
        write_ingest_report(job, plan.digest, str(tmp_path))
        template = example_template(("a",), "y")
        found: dict[str, list[float]] = {}
        for split in SPLITS:
            content = b"".join(path.read_bytes() for path in sorted(folder.glob(f"Split-{split}/*")))
            decoded = template.decode(content)
            assert decoded is not None
            found[split] = decoded[0][0].tolist()
        return found

    return convert_table


def rejected(tmp_path: Path, folder: str = "out-0") -> list[tuple[int, str]]:
    lines = (tmp_path / folder / "rejected_rows.jsonl").read_text().splitlines()
    return [(row["line"], row["reason"]) for row in map(json.loads, lines)]


def test_a_column_names_the_split(write: Write, converted: Converted) -> None:
    """Also by the usual other names of the validation split, in any case, and with blanks around."""
    path = write(
        "t.csv", "a,part,y\n1,train,0\n2,Test,1\n3,validation,0\n4,valid,1\n5,dev,0\n6, eval ,1\n7,val,0\n"
    )
    assert converted(path, split=BY_NAME) == {"train": [1], "eval": [3, 4, 5, 6, 7], "test": [2]}


@pytest.mark.parametrize("cell", ["holdout", "", "0"])
def test_another_name_refuses_the_table(cell: str, write: Write, converted: Converted) -> None:
    """One such row is enough: it may be a spelling error in thousands."""
    rows = "1,train,0\n2,test,1\n3,eval,0\n" * 50
    path = write("t.csv", f"a,part,y\n{rows}4,{cell},1\n{rows}")
    with pytest.raises(
        DataRefused, match=r"t\.csv:152: .*'part' \(data.split.column\).* train, eval"
    ) as caught:
        converted(path, split=BY_NAME)
    assert f"found {cell!r}" in str(caught.value)


def test_a_split_without_rows_is_refused(write: Write, converted: Converted) -> None:
    """The message has the rows of each split, and what to do."""
    path = write("t.csv", "a,part,y\n1,train,0\n2,test,1\n3,train,0\n")
    with pytest.raises(
        DataRefused, match=r"'part'.* split eval; .*train 2, eval 0, test 1.*data.split.by: row"
    ):
        converted(path, split=BY_NAME)
    path = write("u.csv", "a,day,y\n1,2024-01-01,0\n2,2024-02-03,1\n3,2024-02-05,0\n")
    with pytest.raises(DataRefused, match=r"'day'.* split test; .*data.split.test_from"):
        converted(path, split=BY_DAY)


def test_the_newest_rows_are_test_rows(write: Write, converted: Converted) -> None:
    """A row at an edge is after it. A time without an offset is UTC; dates and times may be mixed."""
    days = [
        "2024-01-31", "2024-02-01", "2024-02-29T23:59:59.9", "2024-03-01 00:00:00", "2023-12-31",
        "2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00-01:00", "2024-01-31T23:59Z", "20240201",
    ]  # fmt: skip
    rows = "".join(f"{number},{day},{number % 2}\n" for number, day in enumerate(days))
    found = converted(write("t.csv", "a,day,y\n" + rows), split=BY_DAY)
    assert found == {"train": [0, 4, 7], "eval": [1, 2, 5, 8], "test": [3, 6]}


def test_times_are_read_alike_in_any_company() -> None:
    """A cell that is read cell by cell, because another has an offset, is the same time."""
    cells = [
        "2024-02-29",
        "2024-02-29 23:59",
        "1969-12-31T23:59:59.5",
        "0001-01-01",
        "2024-02-29T07",
        "2200-01-01",
    ]
    cells += ["2024-02-29 12:30:15.123456", "1900-02-28T00:00:00.000001"]
    alone = [times(pa.array([cell]), PLAIN, numbers=False)[0][0] for cell in cells]
    together, _ = times(pa.array([*cells, "2024-01-01T00:00+01:00"]), PLAIN, numbers=False)
    assert together[:-1].tolist() == alone == [seconds_of(cell) for cell in cells]


def test_times_that_are_numbers(write: Write, converted: Converted) -> None:
    """They are compared as numbers, beyond the digits of 32-bit floats."""
    path = write("t.csv", "a,year,y\n1,2019,0\n2,2020.0,1\n3,2021,0\n4,2022,1\n5,1999,0\n")
    assert converted(path, split=BY_YEAR) == {"train": [1, 5], "eval": [2, 3], "test": [4]}
    stamps = SplitConfig(by="time", column="at", eval_from="1700000001", test_from="1700000002")
    path = write("u.csv", "at,a,y\n1700000000,1,0\n1700000001,2,1\n1700000002,3,0\n")
    assert converted(path, split=stamps) == {"train": [1], "eval": [2], "test": [3]}


def test_rows_with_an_unreadable_time_are_bad_rows(
    write: Write, converted: Converted, tmp_path: Path
) -> None:
    path = write(
        "t.csv",
        "a,day,y\n1,2024-01-31,0\n1.5,2024-01-30,0\n2,31.01.2024,1\n3,,0\n4,2024-02-30,1\n5,NA,1\n6,2024-02-03,1\n7,2024-05-01,0\n",
    )
    assert converted(path, split=BY_DAY, max_bad_fraction=0.6) == {
        "train": [1, 1.5],
        "eval": [6],
        "test": [7],
    }
    expected = "column 'day' (data.split.column): expected a date or a time in ISO 8601, found "
    assert rejected(tmp_path) == [
        (4, f"{expected}'31.01.2024'"),
        (5, f"{expected}''"),
        (6, f"{expected}'2024-02-30'"),
        (7, f"{expected}'NA'"),
    ]
    path = write("u.csv", "a,year,y\n1,2019,0\n2,soon,1\n3,2020,0\n4,2024,1\n")
    assert converted(path, split=BY_YEAR) == {"train": [1], "eval": [3], "test": [4]}
    [(line, reason)] = rejected(tmp_path, "out-1")
    assert line == 3
    assert "expected a number, found 'soon'" in reason


def test_quotes_and_blocks_change_no_split(write: Write, converted: Converted) -> None:
    """The split of a row does not depend on how the block is parsed, and where it is cut."""
    days = np.datetime64("2024-01-01") + np.arange(90)
    lines = [f"{number},{day},{number % 2}" for number, day in enumerate(days)]
    plain = converted(write("t.csv", "a,day,y\n" + "\n".join(lines) + "\n"), split=BY_DAY)
    assert {split: len(rows) for split, rows in plain.items()} == {"train": 31, "eval": 29, "test": 30}
    quoted = [line.replace(",2024", ',"2024').replace(",0", '",0').replace(",1", '",1') for line in lines]
    assert converted(write("u.csv", "a,day,y\n" + "\n".join(quoted) + "\n"), 200, split=BY_DAY) == plain


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime.date(2024, 1, 31), datetime.date(2024, 2, 1), datetime.date(2024, 3, 1)]),
        pa.array([datetime.datetime(2024, month, 1) for month in (1, 2, 3)], pa.timestamp("us")),
        pa.array([datetime.datetime(2024, month, 1) for month in (1, 2, 3)], pa.timestamp("ns", "UTC")),
        pa.array(["2024-01-31", "2024-02-01", "2024-03-01"]),
        pa.array(["2024-01-31", "2024-02-01", "2024-03-01"]).dictionary_encode(),
    ],
    ids=["date", "naive", "utc", "text", "dictionary"],
)
def test_times_in_parquet(column: Any, converted: Converted, tmp_path: Path) -> None:
    path = str(tmp_path / "t.parquet")
    papq.write_table(pa.table({"y": [0, 1, 0], "day": column, "a": [1.0, 2.0, 3.0]}), path)
    assert converted(path, split=BY_DAY) == {"train": [1], "eval": [2], "test": [3]}


def test_bad_rows_in_parquet(converted: Converted, tmp_path: Path) -> None:
    """Numbers that are only read by the report of equal rows (`other`) do not shift the column of the split."""
    path = str(tmp_path / "t.parquet")
    columns = {"day": ["2024-01-31", "soon", "2024-02-01", "2024-03-01"], "a": [1.0, 2.0, 3.0, 4.0]}
    papq.write_table(pa.table({"other": [1, 2, 3, 4], "y": [0, 1, 0, 1]} | columns), path)
    found = converted(path, split=BY_DAY, ignore=("other",))
    assert found == {"train": [1], "eval": [3], "test": [4]}
    [(row, reason)] = rejected(tmp_path)
    assert row == 2
    assert "'day'" in reason
    assert "'soon'" in reason


def test_the_column_is_not_a_feature(write: Write, settings: Settings) -> None:
    """Not a column that is left out either, even of numbers; `regpipe init` judges alike."""
    config = settings(write("t.csv", "a,year,y\n1,2019,0\n2,2020,1\n3,2022,0\n"), split=BY_YEAR)
    table = find_table(config)
    assert (table.features, table.hashed, table.left_out) == (("a",), ("a",), ())
    report = inspect_table(config)
    assert (report.numeric, report.left_out) == (("a",), ())


def test_a_missing_column_is_named(write: Write, settings: Settings) -> None:
    path = write("t.csv", "a,days,y\n1,2019,0\n2,2020,1\n")
    with pytest.raises(DataRefused, match=r"'day' \(data.split.column\).*'days'"):
        find_table(settings(path, split=BY_DAY))


@pytest.mark.parametrize(
    ("cells", "edges"),
    [
        (
            [f"2024-01-{day:02}" for day in range(10, 20)],
            "eval_from: 2024-01-16 and data.split.test_from: 2024-01-18. They give train 60.0%, eval 20.0%, test 20.0%",
        ),
        (
            [f"2024-01-01T00:00:{second:02}+00:00" for second in range(10)],
            "eval_from: 2024-01-01T00:00:06 and data.split.test_from: 2024-01-01T00:00:08.",
        ),
        # Seven of ten rows are of 2021: the nearest to 60% is 10% before 2021 or 80% after it; both are 50 and 20 off.
        (
            ["2020", *["2021"] * 7, "2022", "2023"],
            "eval_from: 2022 and data.split.test_from: 2023. They give train 80.0%, eval 10.0%, test 10.0%",
        ),
        (["1.5", "2", "2", "unknown", "3.25", ""] * 2, "eval_from: 2 and data.split.test_from: 3.25."),
    ],
    ids=["dates", "times", "years", "numbers"],
)
def test_a_run_without_edges_proposes_them(
    cells: list[str], edges: str, write: Write, settings: Settings
) -> None:
    """They are the times in the table that divide its rows best in the ratio."""
    rows = "".join(f"{number},{cell},{number % 2}\n" for number, cell in enumerate(cells))
    path = write("t.csv", "a,when,y\n" + rows)
    with pytest.raises(DataRefused, match=r"t\.csv: .*data.split.eval_from.*'when'.*6:2:2") as caught:
        find_table(settings(path, split=SplitConfig(by="time", column="when")))
    assert f"data.split.{edges}" in str(caught.value)


def test_edges_are_proposed_from_all_files_and_row_groups(settings: Settings, tmp_path: Path) -> None:
    """The newest rows may be in the last file."""
    (tmp_path / "t").mkdir()
    for number in range(2):
        times = [datetime.datetime(2020 + 5 * number + year, 1, 1) for year in range(5)]
        table = pa.table({"y": [0, 1, 0, 1, 0], "at": pa.array(times, pa.timestamp("ms")), "a": [1.0] * 5})
        papq.write_table(table, tmp_path / f"t/{number}.parquet", row_group_size=2)
    with pytest.raises(DataRefused, match=r"eval_from: 2026-01-01 and data.split.test_from: 2028-01-01"):
        find_table(settings(str(tmp_path / "t"), split=SplitConfig(by="time", column="at")))


def test_two_times_can_not_be_divided_into_three(write: Write, settings: Settings) -> None:
    path = write("t.csv", "a,when,y\n1,2020,0\n2,2021,1\n3,2021,0\n4,?,0\n")
    with pytest.raises(DataRefused, match=r"three different times .*'when'.* found 2\."):
        find_table(settings(path, split=SplitConfig(by="time", column="when")))


BY_GROUP = SplitConfig(by="group", column="who")


def test_no_group_is_divided(write: Write, converted: Converted) -> None:
    """300 groups of ten rows, scattered over the table, in the ratio of the groups; another seed moves them."""
    rows = "".join(f"{number % 300},p {number % 300},{number // 300 % 2}\n" for number in range(3_000))
    path = write("t.csv", "a,who,y\n" + rows)
    found = converted(path, split=BY_GROUP)
    groups = {split: set(values) for split, values in found.items()}
    assert sum(map(len, groups.values())) == 300
    assert all(len(found[split]) == 10 * len(groups[split]) for split in SPLITS)
    # Of 300 groups, a split with a share of 0.6 has 180 with a deviation of sqrt(300 * 0.6 * 0.4), 8.5.
    assert abs(len(groups["train"]) - 180) < 34
    assert converted(path, 500, split=BY_GROUP) == found  # in smaller blocks
    other = converted(path, split=BY_GROUP.model_copy(update={"seed": 1}))
    assert set(other["train"]) != groups["train"]


def test_the_groups_of_test_rows_are_beside_the_examples(
    write: Write, converted: Converted, tmp_path: Path
) -> None:
    """Their ids are in the order of the rows; blanks around the text of a group do not matter."""
    rows = "".join(
        f"{number % 40}, p{number % 40}{' ' * (number % 3)},{number % 2}\n" for number in range(400)
    )
    found = converted(write("t.csv", "a,who,y\n" + rows), 1_000, split=BY_GROUP)
    shards = sorted(str(path) for path in (tmp_path / "out-0/Split-test").iterdir())
    assert len(shards) > 1
    ids = GroupIds(shards)
    taken = np.concatenate([ids.take(7), ids.take(1_000)])
    assert taken.tolist() == [group_id(f"p{value:g}") for value in found["test"]]
    assert ids.take(1).size == 0


def test_the_hash_of_groups_does_not_change() -> None:
    """Another hash would move groups between train and test from one release to the next."""
    ids = np.array([group_id(name) for name in ("", "a", "patient 7")])
    assert ids.tolist() == FROZEN_IDS
    assert split_of_groups(np.arange(12), SplitConfig(by="group", column="g")).tolist() == FROZEN_SPLITS


# Computed by a second implementation, with Python's integers.
FROZEN_IDS = [6510301506637419378, 1702698405120146464, 4750383922221248420]
FROZEN_SPLITS = [0, 0, 1, 2, 0, 0, 0, 2, 0, 0, 0, 2]


def test_rows_without_a_group_are_bad_rows(write: Write, converted: Converted, tmp_path: Path) -> None:
    rows = "".join(f"{number},{number},{number % 2}\n" for number in range(50))
    converted(write("t.csv", f"a,who,y\n{rows}1,,0\n2, NA ,1\n"), split=BY_GROUP)
    assert [line for line, _ in rejected(tmp_path)] == [52, 53]
    assert (
        "column 'who' (data.split.column): expected the group of the row, found ''"
        in rejected(tmp_path)[0][1]
    )


def test_too_few_groups(write: Write, converted: Converted) -> None:
    path = write("t.csv", "a,who,y\n1,x,0\n2,x,1\n3,x,0\n")
    with pytest.raises(DataRefused, match=r"'who'.*few groups"):
        converted(path, split=BY_GROUP)
