"""A part of a file of records."""

from typing import NamedTuple


class RecordBlock(NamedTuple):
    """Consecutive bytes of a file of records that contain whole records, and how many."""

    content: bytes
    records: int
