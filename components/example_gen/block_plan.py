"""Divides the files into blocks that can be read independently, and computes a digest of their bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from components.common import storage
from components.common.errors import DataRefused
from components.example_gen import parquet
from components.example_gen.csv_header import FileHeader
from components.example_gen.record_files import AVRO, record_kind
from components.example_gen.row_boundaries import BLOCK_BYTES, read_blocks
from components.example_gen.table import InputTable

_READ_BYTES = 2**20
_MAX_DEFLATE = 1_032  # the largest ratio of deflate: https://zlib.net/zlib_tech.html
_MAX_CONVERSION = 3  # bytes of UTF-8 for one byte of another encoding
_MAX_AVRO = 10**6  # rows for each byte of a compressed file, far more than any has


@dataclass(frozen=True)
class Block:
    """A part of one file that is read independently of the others.

    Attributes:
        index: its number in the plan; blocks are in the order of the rows.
        file: the index of its file in `InputTable.headers`.
        offset: CSV: the position of its first byte. Parquet: the index of its row group.
        length: its size in bytes; 0 for a row group, and for a file that is one block: a compressed or converted one.
        line: the number of its first line (Parquet: of its first row), counted from 1.
        digest: the digest of an uncompressed CSV block's bytes, so that a worker can detect a change; otherwise ''.
    """

    index: int
    file: int
    offset: int
    length: int
    line: int
    digest: str = ""


@dataclass(frozen=True)
class BlockPlan:
    """A division of all files of a table.

    Attributes:
        blocks: the blocks in order.
        digest: the digest of the bytes of all files.
        most_rows: an upper bound of the number of good rows, from the sizes of the files.
    """

    blocks: tuple[Block, ...]
    digest: str
    most_rows: int


def plan_blocks(table: InputTable, block_bytes: int = BLOCK_BYTES) -> BlockPlan:
    """Divides all files into blocks. Reads every file once; memory is bounded by the size of a block.

    The digest depends only on the bytes, not on file names, times or `block_bytes`.
    """
    blocks: list[Block] = []
    most_rows = 0
    all_files = hashlib.blake2b(digest_size=16)
    for file, header in enumerate(table.headers):
        digest = hashlib.blake2b(digest_size=16)
        if header.is_divisible:
            parts = _csv_blocks(file, header, block_bytes, digest)
        else:
            size = _update_digest(header.path, digest)
            most_rows += (
                size * _expansion(header) // _least_row_bytes(header)
                if header.delimiter
                else parquet.row_count(header.path)
            )
            parts = (
                _row_groups(file, header)
                if not header.delimiter
                else iter([Block(0, file, header.offset, 0, header.line)])
            )
        for part in parts:
            most_rows += part.length // _least_row_bytes(header)
            blocks.append(Block(len(blocks), *(part.file, part.offset, part.length, part.line, part.digest)))
        all_files.update(digest.digest())
    return BlockPlan(tuple(blocks), all_files.hexdigest(), most_rows + 1)


def block_digest(block: bytes) -> str:
    """Returns the digest of a block, as in `Block.digest`."""
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


def _update_digest(path: str, digest: "hashlib.blake2b") -> int:
    """Adds the bytes of a file to a digest; returns their number."""
    size = 0
    with storage.open_bytes(path) as stream:
        while read := stream.read(_READ_BYTES):
            digest.update(read)
            size += len(read)
    return size


def _least_row_bytes(header: FileHeader) -> int:
    """Returns the size of the shortest good row: delimiters, one character of the label, a line feed."""
    return 1 if header.text.json_columns else len(header.columns) + 1


def _expansion(header: FileHeader) -> int:
    """Returns an upper bound of the bytes of CSV for each byte of a file."""
    if record_kind(header.path) == AVRO:
        return _MAX_AVRO
    return (_MAX_DEFLATE if header.path.endswith(".gz") else 1) * (
        1 if header.text.is_plain else _MAX_CONVERSION
    )


def file_changed_error(path: str) -> DataRefused:
    """Returns the error for a file that was written to while it was read."""
    return DataRefused(f"{path}: the file changed while it was being read. Run again when it is complete.")
