"""Blocks cover all files, and the digest depends only on the bytes."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from components.config.data import DataConfig
from components.example_gen.block_plan import plan_blocks
from components.example_gen.table import find_table

Write = Callable[[str, str | bytes], str]
Settings = Callable[..., DataConfig]
CONTENT = 'a,t,y\n1,"x\ny",0\n2,z,1\n\n3,"p\n\nq",0\n4,"",1'


@pytest.mark.parametrize("size", [1, 5, 11, 17, 1000])
def test_blocks_cover_the_file_and_have_their_line_numbers(
    size: int, write: Write, settings: Settings
) -> None:
    """Together they are the file after its header; none begins inside a quoted field; lines are those of the file."""
    path = write("t.csv", CONTENT)
    blocks = plan_blocks(find_table(settings(path)), size).blocks
    data = Path(path).read_bytes()
    position = data.index(b"\n") + 1
    for index, block in enumerate(blocks):
        assert (block.index, block.offset) == (index, position)
        assert block.line == data.count(b"\n", 0, position) + 1
        assert data[position : position + 1] in b"1234\n"
        position += block.length
    assert position == len(data)
    assert len(blocks) == 1 or size < 1000


def test_the_digest_depends_only_on_the_bytes(write: Write, settings: Settings, tmp_path: Path) -> None:
    def digest(path: str, size: int = 8) -> str:
        return plan_blocks(find_table(settings(path)), size).digest

    first = digest(write("t.csv", CONTENT))
    assert digest(write("elsewhere/other.csv", CONTENT)) == first
    assert digest(str(tmp_path / "t.csv"), 1000) == first
    assert digest(write("t.csv", CONTENT.replace("4", "5"))) != first
    assert digest(write("t.csv", CONTENT + "\n")) != first


def test_a_compressed_file_is_one_block(write: Write, settings: Settings) -> None:
    path = write("t.csv.gz", gzip.compress(CONTENT.encode()))
    [block] = plan_blocks(find_table(settings(path)), 8).blocks
    assert (block.offset, block.length, block.line) == (6, 0, 2)
