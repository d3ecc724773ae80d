"""Divides the files into blocks that can be read independently, and computes a digest of their bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from components.common import storage
from components.common.errors import DataRefused
from components.example_gen import parquet
from components.example_gen.csv_header import FileHeader
from components.example_gen.file_formats import PARQUET, typed_format
from components.example_gen.record_files import open_records
from components.example_gen.row_boundaries import BLOCK_BYTES, read_blocks
from components.example_gen.table import InputTable

_READ_BYTES = 2**20
_MAX_DEFLATE = 1_032  # the largest ratio of deflate: https://zlib.net/zlib_tech.html
_MAX_CONVERSION = 3  # bytes of UTF-8 for one byte of another encoding
_MAX_RECORDS = 10**6  # for each byte of a compressed file of records, far more than any has


@dataclass(frozen=True)
class Block:
    """A part of one file that is read independently of the others.

    Attributes:
        index: its number in the plan; blocks are in the order of the rows.
        file: the index of its file in `InputTable.headers`.
        offset: the position of its first byte. Parquet: the index of its row group.
        length: its size in bytes; 0 for a row group, and for a file that is one block: a compressed or converted one.
        line: the number of its first line, or of its first row if the columns have types, counted from 1.
        digest: the digest of its bytes if it has a length, so that a worker can detect a change; otherwise ''.
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
        most_rows: an upper bound of the number of good rows, from the sizes of the files or what they say of it.
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
        for part in _parts(header, block_bytes, digest):
            most_rows += part.most_rows
            blocks.append(Block(len(blocks), file, part.offset, part.length, part.line, part.digest))
        all_files.update(digest.digest())
    return BlockPlan(tuple(blocks), all_files.hexdigest(), most_rows + 1)


def block_digest(block: bytes) -> str:
    """Returns the digest of a block, as in `Block.digest`."""
    return hashlib.blake2b(block, digest_size=16).hexdigest()


class _Part(NamedTuple):
    """A block of a file that has no number yet: see `Block`; and an upper bound of the number of its good rows."""

    offset: int
    length: int
    line: int
    most_rows: int
    digest: str = ""


def _parts(header: FileHeader, block_bytes: int, digest: "hashlib.blake2b") -> Iterator[_Part]:
    """Divides a file, and adds its bytes to the digest."""
    kind = typed_format(header.path)
    if header.is_divisible:
        yield from _csv_blocks(header, block_bytes, digest)
    elif kind in (None, PARQUET) or header.path.endswith(".gz"):
        size = _update_digest(header.path, digest)
        if kind == PARQUET:
            yield from _row_groups(header)
        else:
            most_rows = size * _expansion(header) // _least_row_bytes(header)
            yield _Part(header.offset, 0, header.line, most_rows)
    else:
        yield from _record_blocks(header, block_bytes, digest)


def read_block(path: str, block: Block) -> bytes:
    """Reads the bytes of a block that has a length.

    Raises:
        DataRefused: the file has changed.
    """
    with storage.open_bytes(path) as stream:
        stream.seek(block.offset)
        content = stream.read(block.length)
    if block_digest(content) != block.digest:
        raise file_changed_error(path)
    return content


def _csv_blocks(header: FileHeader, block_bytes: int, digest: "hashlib.blake2b") -> Iterator[_Part]:
    with storage.open_bytes(header.path) as stream:
        digest.update(stream.read(header.offset))
        offset, line = header.offset, header.line
        for block in read_blocks(stream, header.delimiter, block_bytes):
            digest.update(block)
            most_rows = len(block) // _least_row_bytes(header)
            yield _Part(offset, len(block), line, most_rows, block_digest(block))
            offset += len(block)
            line += block.count(b"\n")


def _row_groups(header: FileHeader) -> Iterator[_Part]:
    with parquet.open_file(header.path) as opened:
        row = header.line
        for group in range(opened.num_row_groups):
            rows = opened.metadata.row_group(group).num_rows
            yield _Part(group, 0, row, rows)
            row += rows


def _record_blocks(header: FileHeader, block_bytes: int, digest: "hashlib.blake2b") -> Iterator[_Part]:
    with open_records(header.path) as file:
        digest.update(file.start)
        for block in file.blocks(block_bytes):
            digest.update(block.content)
            yield _Part(
                block.offset, len(block.content), block.first, block.records, block_digest(block.content)
            )


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
    return len(header.columns) + 1 if header.delimiter and not header.text.json_columns else 1


def _expansion(header: FileHeader) -> int:
    """Returns an upper bound of the bytes of CSV, or of the records, for each byte of a file."""
    if not header.delimiter:
        return _MAX_RECORDS
    return (_MAX_DEFLATE if header.path.endswith(".gz") else 1) * (
        1 if header.text.is_plain else _MAX_CONVERSION
    )


def file_changed_error(path: str) -> DataRefused:
    """Returns the error for a file that was written to while it was read."""
    return DataRefused(f"{path}: the file changed while it was being read. Run again when it is complete.")
