"""Cuts the files into blocks that can be read independently; the same pass fingerprints their bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from components.common import storage
from components.common.errors import DataRefused
from components.example_gen import parquet
from components.example_gen.csv_header import FileHeader
from components.example_gen.row_boundaries import BLOCK_BYTES, read_blocks
from components.example_gen.table import InputTable

_READ_BYTES = 2**20


@dataclass(frozen=True)
class Block:
    """A part of one file that is read on its own.

    Attributes:
        index: its number in the plan; the order of the blocks is the order of the rows.
        file: the index of its file among `InputTable.headers`.
        offset: CSV: the position of its first byte. Parquet: its row group.
        length: its bytes; 0 for all of a compressed file, and for a row group.
        line: the physical line (Parquet: the number of the row) at which it begins, counted from 1.
        digest: of the bytes of an uncompressed CSV block, so that a later reader can tell that they are the
            same.
    """

    index: int
    file: int
    offset: int
    length: int
    line: int
    digest: str = ""


@dataclass(frozen=True)
class BlockPlan:
    """All blocks of a table, and a digest of the bytes of all its files, in order."""

    blocks: tuple[Block, ...]
    digest: str


def plan_blocks(table: InputTable, block_bytes: int = BLOCK_BYTES) -> BlockPlan:
    """Reads every file once, from start to end. Memory is bounded by a block, whatever the size of the file.

    The digest depends on the bytes alone: not on names, times or `block_bytes`.
    """
    found: list[Block] = []
    whole = hashlib.blake2b(digest_size=16)
    for file, header in enumerate(table.headers):
        digest = hashlib.blake2b(digest_size=16)
        if header.delimiter and not header.path.endswith(".gz"):
            parts = _csv_blocks(file, header, block_bytes, digest)
        else:
            _update_digest(header.path, digest)
            parts = (
                _row_groups(file, header)
                if not header.delimiter
                else iter([Block(0, file, header.offset, 0, header.line)])
            )
        for part in parts:
            found.append(Block(len(found), *(part.file, part.offset, part.length, part.line, part.digest)))
        whole.update(digest.digest())
    return BlockPlan(tuple(found), whole.hexdigest())


def block_digest(block: bytes) -> str:
    """The digest that `Block.digest` holds."""
    return hashlib.blake2b(block, digest_size=16).hexdigest()


def _csv_blocks(
    file: int, header: FileHeader, block_bytes: int, digest: "hashlib.blake2b"
) -> Iterator[Block]:
    with storage.open_bytes(header.path) as stream:
        digest.update(stream.read(header.offset))
        offset, line = header.offset, header.line
        for block in read_blocks(stream, header.delimiter, block_bytes):
            digest.update(block)
            yield Block(0, file, offset, len(block), line, block_digest(block))
            offset += len(block)
            line += block.count(b"\n")


def _row_groups(file: int, header: FileHeader) -> Iterator[Block]:
    with parquet.open_file(header.path) as opened:
        row = header.line
        for group in range(opened.num_row_groups):
            yield Block(0, file, group, 0, row)
            row += opened.metadata.row_group(group).num_rows


def _update_digest(path: str, digest: "hashlib.blake2b") -> None:
    with storage.open_bytes(path) as stream:
        while read := stream.read(_READ_BYTES):
            digest.update(read)


def changed(path: str) -> DataRefused:
    """The refusal of a file that is being written while it is read."""
    return DataRefused(f"{path}: the file changed while it was being read. Run again when it is complete.")
