"""The executor on Beam, without a metadata store."""

import gzip
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as papq
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen import block_plan
from components.example_gen.exec_properties import ExampleGenProperties
from components.example_gen.executor import ExampleGenExecutor
from components.example_gen.table import InputTable

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
Row = tuple[float, ...]


class Run:
    """One execution: the folder of the artifact, the files beside the splits, and the rows of each split."""

    def __init__(
        self, config: DataConfig, root: Path, fingerprint: str | None = None, replays: int = 0
    ) -> None:
        self.root = root
        self.artifact = standard_artifacts.Examples()
        self.artifact.uri = str(root / "examples")
        packed = json_format.MessageToJson(ExampleGenProperties(config, str(root / "rejected"), "").pack())
        properties = {"custom_config": packed} | ({"input_fingerprint": fingerprint} if fingerprint else {})
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=[
                "--runner=FnApiRunner",
                "--sdk_container_image=none",
                f"--direct_runner_bundle_repeat={replays}",
            ]
        )
        ExampleGenExecutor(context).Do({}, {"examples": [self.artifact]}, properties)

    def record(self) -> Any:
        return json.loads((self.root / "examples/ingest.json").read_text())

    def rejected(self) -> list[dict[str, Any]]:
        text = (self.root / "examples/rejected_rows.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def split(self, name: str, *columns: str) -> list[Row]:
        files = sorted(str(path) for path in (self.root / f"examples/Split-{name}").iterdir())
        rows = []
        for raw in tf.data.TFRecordDataset(files).as_numpy_iterator():
            feature = tf.train.Example.FromString(raw).features.feature
            assert all(len(feature[column].float_list.value) == 1 for column in columns)
            values = [feature[column].float_list.value[0] for column in columns]
            rows.append((*values, *feature["y"].int64_list.value))
        return rows

    def rows(self, *columns: str) -> list[Row]:
        return sorted(row for split in ("train", "eval", "test") for row in self.split(split, *columns))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    return lambda config, **keys: Run(config, tmp_path / "out", **keys)


def refusal(run: Callable[..., Run], config: DataConfig, **keys: Any) -> DataRefused:
    with pytest.raises(DataRefused) as caught:
        run(config, **keys)
    return caught.value


def many(rows: int, label: str = "01") -> str:
    return "a,b,y\n" + "".join(f"{n},{n / 4},{label[n % len(label)]}\n" for n in range(rows))


def test_every_good_row_becomes_one_example(
    write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    """With the names of the table; the splits consist of uncompressed shards with the number of the block."""
    path = write("t.csv", "größe in m.,b\n,y\n".replace("\n,", ",") + "1,2,no\n3,4,yes\n5.5,6,no\n")
    result = run(settings(path, positive_label="yes"))
    assert result.rows("größe in m.", "b") == [(1, 2, 0), (3, 4, 1), (5.5, 6, 0)]
    shards_found = sorted(path.name for path in (result.root / "examples").glob("Split-*/*"))
    assert set(shards_found) == {"data_tfrecord-00000-of-00001"}
    assert sorted(path.name for path in (result.root / "examples").iterdir()) == [
        "Split-eval", "Split-test", "Split-train", "ingest.json", "rejected_rows.jsonl",
    ]  # fmt: skip
    assert result.artifact.split_names == '["train", "eval", "test"]'
    assert result.artifact.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"


def test_the_ingest_record(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    path = write("t.csv", "a,name,y\n" + "1,x,0\n2,x,1\n" * 100 + "oops,x,1\n")
    result = run(settings(path))
    summary = result.record()
    rows = summary.pop("rows")
    assert rows["train"] + rows["eval"] + rows["test"] == 200
    assert rows["rejected"] == 1
    positives = summary.pop("positives")
    for split in ("train", "eval", "test"):
        assert positives[split] == sum(label for _, label in result.split(split, "a"))
    split = summary.pop("split")
    assert [split[key] for key in ("train", "eval", "test", "seed")] == [6, 2, 2, 0]
    left_out, copies, splits = summary.pop("warnings")
    assert left_out == (
        "Left out, because they contain only text, and not 2 to 50 different texts (data.max_categories) that "
        "repeat: 'name'. data.categorical makes such columns features."
    )
    assert copies.startswith("50.0% of the rows (100 of 200) are copies of one row")
    assert f"train {rows['train'] / 200:.1%} (60.0%)" in splits
    reason = "column 'a': expected a number, found 'oops'"
    of_the_file = hashlib.blake2b(Path(path).read_bytes(), digest_size=16).digest()
    digest = hashlib.blake2b(of_the_file, digest_size=16).hexdigest()
    assert summary == {
        "format_version": 1,
        "features": ["a"],
        "label": "y",
        "label_statistics": None,
        "task": "binary",
        "task_reason": "the label 'y' has the values '0' and '1'",
        "weight": None,
        "class_rows": None,
        "classes": ["0", "1"],
        "negative_label": "0",
        "missing_values": ["", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "\\n", "?", "-"],
        "decimal": ".",
        "thousands": "",
        "booleans": [],
        "categorical": [],
        "positive_label": "1",
        "left_out": ["name"],
        "empty": [],
        "possible_ids": [],
        "files": [{"path": path, "rows": 200, "rejected": 1}],
        "span": None,
        "reasons": [f"{path}:202: {reason}"],
        "digest": digest,
    }
    assert result.rejected() == [{"file": path, "line": 202, "reason": reason, "raw": "oops,x,1"}]


def test_missing_values_are_nan(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    path = write("t.csv", "a,b,y\n,1,0\nNA,2,1\n")
    result = run(settings(path, features=("a", "b")))
    assert all(math.isnan(row[0]) for row in result.rows("a", "b"))


def test_blocks_converted_again(
    write: Write, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost worker may have done its work already: with every bundle run three times, the files are the same."""
    monkeypatch.setattr(
        block_plan, "plan_blocks", lambda table, make=block_plan.plan_blocks: make(table, 400)
    )
    path = write("t.csv", many(300) + "oops,1,1\n")
    found = []
    for replays in (0, 2):
        root = tmp_path / f"replays-{replays}"
        result = Run(settings(path), root, replays=replays)
        files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        rows = [result.split(split, "a", "b") for split in ("train", "eval", "test")]
        found.append((files, rows, result.rejected(), result.record()))
    assert len(found[0][0]) > 20
    assert found[0] == found[1]


def test_a_split_without_rows_can_be_read(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    result = run(settings(write("t.csv", "a,y\n1,0\n2,1\n")))
    assert sum(len(result.split(split, "a")) for split in ("train", "eval", "test")) == 2


@pytest.mark.parametrize("size", [1, 40, 8 * 2**20])
def test_blocks_format_compression_and_order_change_no_split(
    size: int, write: Write, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same row gets the same split, whatever the file, the blocks and the order of the columns."""
    monkeypatch.setattr(
        block_plan, "plan_blocks", lambda table, make=block_plan.plan_blocks: make(table, size)
    )
    text = many(60).replace("a,b,y", 'a,"b",y').replace("\n7,", '\n"7",')
    values = {"b": [n / 4 for n in range(60)], "a": list(range(60)), "y": [n % 2 for n in range(60)]}
    papq.write_table(pa.table(values), tmp_path / "t.parquet")
    lines = "".join(json.dumps({"y": n % 2, "a": n, "b": n / 4}) + "\n" for n in range(60))
    paths = [
        write("t.csv", text),
        write("t.csv.gz", gzip.compress(text.encode())),
        f"{tmp_path}/t.parquet",
        write("t.jsonl", lines),
        write("u.csv", text.encode("utf-16")),
    ]
    found = []
    for index, path in enumerate(paths):
        result = Run(settings(path), tmp_path / f"out{index}")
        found.append([sorted(result.split(split, "a", "b")) for split in ("train", "eval", "test")])
    assert all(splits == found[0] for splits in found)
    assert sum(len(split) for split in found[0]) == 60
    assert len(found[0][0]) > len(found[0][1]) > 0


def test_json_lines(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    """true and false are 1 and 0 as in Parquet, but words in the label; a line that is no object is a bad row."""
    lines = [json.dumps({"a": n, "vip": n % 3 == 0, "y": n % 2 == 0}) for n in range(40)]
    path = write("t.jsonl", "\n".join([*lines, "[1, 2, 3]"]) + "\n")
    result = run(settings(path, max_bad_fraction=0.1))
    assert result.rows("a", "vip") == [(n, float(n % 3 == 0), int(n % 2 == 0)) for n in range(40)]
    assert [(row["line"], row["reason"]) for row in result.rejected()] == [(41, "expected 3 fields, found 4")]
    assert result.record()["positive_label"] == "true"


def test_rows_that_are_not_utf_8_name_the_key(
    write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    rows = b"".join(b"%d,K\xf6ln,%d\n" % (n, n % 2) for n in range(40))
    path = write("t.csv", b"a,city,y\n" + rows)
    lines = str(refusal(run, settings(path))).splitlines()
    assert "Most rows that can't be read are not UTF-8: set data.encoding, for example to latin-1." in lines
    assert len(run(settings(path, encoding="latin-1")).rows("a")) == 40


def test_rejected_rows_are_in_the_order_of_file_and_line(
    write: Write, run: Callable[..., Run], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With quoted newlines across tiny blocks; the line is the one in the file at which the row starts."""
    monkeypatch.setattr(block_plan, "plan_blocks", lambda table, make=block_plan.plan_blocks: make(table, 16))
    write("in/1.csv", 'a,t,y\n1,"two\nlines",0\nx,t,0\n2,t,1\n3,t\n')
    write("in/2.csv", "y,a,t\n1,9,t\n,8,t\n")
    result = run(settings(str(tmp_path / "in"), max_bad_fraction=0.9))
    assert [(Path(row["file"]).name, row["line"], row["reason"]) for row in result.rejected()] == [
        ("1.csv", 4, "column 'a': expected a number, found 'x'"),
        ("1.csv", 6, "expected 3 fields, found 2"),
        ("2.csv", 3, "label 'y': missing"),
    ]
    assert result.rows("a") == [(1, 0), (2, 1), (9, 1)]


def test_the_weight_is_written_and_moves_no_row(write: Write, settings: Settings, tmp_path: Path) -> None:
    """It is a float feature under its own name; a table with other weights has the same splits."""
    found = {}
    for name, weights in {"small": (1, 2.5, 3), "large": (70, 80, 90)}.items():
        table = "a,w,b,y\n" + "".join(f"{n},{weights[n % 3]},{n / 4},{n % 2}\n" for n in range(60))
        run = Run(settings(write(f"{name}.csv", table), weight="w"), tmp_path / name)
        assert run.record()["weight"] == "w"
        assert run.record()["features"] == ["a", "b"]
        assert run.rows("a", "w", "b") == [(n, weights[n % 3], n / 4, n % 2) for n in range(60)]
        found[name] = [run.split(split, "a", "b") for split in ("train", "eval", "test")]
    assert found["small"] == found["large"]


def test_rows_without_a_weight_are_rejected(
    write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    """The reason names the file, the line, the column and what was expected; it does not suggest data.ignore."""
    path = write("t.csv", "a,w,y\n" + "1,2,0\n1,2,1\n" * 20 + "1,-3,1\n1,,0\n")
    rejected = run(settings(path, weight="w", max_bad_fraction=0.1)).rejected()
    assert [(row["file"], row["line"], row["reason"]) for row in rejected] == [
        (path, 42, "column 'w' (data.weight): expected a number > 0, found '-3'"),
        (path, 43, "column 'w' (data.weight): expected a number > 0, found none"),
    ]
    refused = refusal(run, settings(path, weight="w", max_bad_fraction=0.01))
    assert "2 of 42 rows can't be read" in str(refused)
    assert "data.ignore" not in str(refused)


def test_too_many_bad_rows(write: Write, run: Callable[..., Run], settings: Settings, tmp_path: Path) -> None:
    """The message contains the first ten reasons; a file that is not part of the artifact has all rejected rows."""
    path = write("t.csv", many(88) + "1,bad,0\n" * 12)
    error = refusal(run, settings(path))
    reasons = [f"  {path}:{line}: column 'b': expected a number, found 'bad'" for line in range(90, 100)]
    assert str(error).splitlines() == [
        "12 of 100 rows can't be read, 12.00%; at most 1.00% may be bad (data.max_bad_fraction).",
        "The first reasons:",
        *reasons,
        "The most frequent cells that can't be read: 'bad' (12). "
        "If 'bad' means a missing value, add it to data.missing_values.",
        "Most of them are in column 'b'; to leave it out, add it to data.ignore.",
    ]
    assert error.rejected_rows is not None
    rejected = Path(error.rejected_rows)
    assert rejected.parent == tmp_path / "out/rejected"
    assert len(rejected.read_text().splitlines()) == 12


@pytest.mark.parametrize(
    ("cells", "advice"),
    [
        (
            ["tbd", "?!", "tbd"],
            "'tbd' (2), '?!' (1). If '?!' means a missing value, add it to data.missing_values.",
        ),
        (["1,5"], "'1,5' (1). To read '1,5' as a number, set data.decimal to ','."),
        (
            ["12,345"],
            "'12,345' (1). To read '12,345' as a number, set data.thousands to ',' or, for a decimal comma, "
            "data.decimal.",
        ),
        (["x", "y", "z"], "'x' (1), 'y' (1), 'z' (1)."),
    ],
)
def test_the_refusal_names_the_key_for_the_cells(
    cells: list[str], advice: str, write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    path = write("t.csv", many(50).replace(",", "|") + "".join(f"1|{cell}|0\n" for cell in cells))
    lines = str(refusal(run, settings(path, thousands="", decimal="."))).splitlines()
    assert f"The most frequent cells that can't be read: {advice}" in lines


@pytest.mark.parametrize("bad", ["x\n", "x,1,0\n"])
def test_a_compressed_file_of_bad_rows_is_not_read_to_its_end(
    bad: str, write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    """Some 10 kB of gzip can be 40 MB of rows, each of which would be written with its reason."""
    path = write("t.csv.gz", gzip.compress((many(5_000) + bad * 100_000).encode(), 9))
    error = refusal(run, settings(path, features=("a", "b")))
    first = str(error).splitlines()[0]
    assert first.startswith("More than 1.00% of the rows can't be read (data.max_bad_fraction). After ")
    assert error.rejected_rows is not None
    kept = len(Path(error.rejected_rows).read_text().splitlines())
    assert 10_000 < kept < 100_000


def test_reading_stops_only_if_the_share_cannot_come_back(
    write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    """Bad rows at the beginning, and good ones after them: 11,000 of 23,000 are 48%."""
    path = write("t.csv", "a,y\n" + "x,0\n" * 11_000 + "1,0\n2,1\n" * 6_000)
    record = run(settings(path, features=("a",), max_bad_fraction=0.5)).record()
    assert record["rows"]["rejected"] == 11_000
    assert sum(record["rows"].values()) == 23_000


def test_bad_rows_up_to_the_limit_are_accepted(
    write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    path = write("t.csv", many(99) + "1,bad,0\n")
    assert run(settings(path)).record()["rows"]["rejected"] == 1


def test_every_row_bad(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    path = write("t.csv", "a,b,y\n1,x,0\nx,1,1\n")
    error = refusal(run, settings(path, max_bad_fraction=1.0, features=("a", "b")))
    assert str(error).splitlines()[0] == "None of the 2 rows can be read."


def test_a_third_label_value(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    """If it is rare, its rows are rejected; if it is common, the data is refused."""
    path = write("t.csv", many(199) + "1,1,2\n")
    assert "expected one of '0', '1', found '2'" in run(settings(path)).rejected()[0]["reason"]
    error = refusal(run, settings(write("t.csv", many(90, "013"))))
    assert str(error).startswith("The label 'y' has more than two values, 3 whole numbers, such as 0, 1, 3: ")


def test_one_class_in_the_accepted_rows(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    path = write("t.csv", many(300, "0") + "1,x,1\n")
    assert str(refusal(run, settings(path))) == (
        "The label 'y' has only one class in the rows that can be read, '0'; expected two."
    )


def test_a_file_that_changed_after_its_digest_was_computed(
    write: Write, run: Callable[..., Run], settings: Settings
) -> None:
    path = write("t.csv", many(10))
    assert str(refusal(run, settings(path), fingerprint="other")) == (
        f"{path}: the file changed while it was being read. Run again when it is complete."
    )


def test_a_file_that_changes_before_a_worker_reads_it(
    write: Write, run: Callable[..., Run], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block is compared with the digest from the plan."""
    path = write("t.csv", many(10))

    def plan_and_change(
        table: InputTable, make: Callable[[InputTable], block_plan.BlockPlan] = block_plan.plan_blocks
    ) -> block_plan.BlockPlan:
        planned = make(table)
        write("t.csv", many(10).replace("9,", "8,"))
        return planned

    monkeypatch.setattr(block_plan, "plan_blocks", plan_and_change)
    message = f"{path}: the file changed while it was being read. Run again when it is complete."
    assert str(refusal(run, settings(path))) == message


def test_a_truncated_archive(write: Write, run: Callable[..., Run], settings: Settings) -> None:
    path = write("t.csv.gz", gzip.compress(many(100_000).encode())[:-400])
    message = f"{path}: can't be read to its end: Compressed file ended before the end-of-stream marker"
    assert str(refusal(run, settings(path))).startswith(message)


def test_a_block_converted_twice_leaves_the_same(write: Write, settings: Settings, tmp_path: Path) -> None:
    """A retried bundle overwrites the files of an earlier attempt."""
    first = Run(settings(write("t.csv", many(50))), tmp_path / "out")
    before = first.rows("a", "b")
    assert Run(settings(str(tmp_path / "t.csv")), tmp_path / "out").rows("a", "b") == before
