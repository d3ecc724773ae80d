"""A part of a file of records, and where it is."""

from typing import NamedTuple


class RecordBlock(NamedTuple):
    """Consecutive bytes of a file of records that contain whole records, and how many."""

    content: bytes
    records: int


class PlacedBlock(NamedTuple):
    """A block, the position of its first byte in the file, and the number of its first record, counted from 1."""

    content: bytes
    records: int
    offset: int
    first: int
