"""Finds where the rows of a CSV file end, without parsing its cells.

A field is quoted if it begins with a quote, right after a delimiter or at the start of a row, and ends with a quote
right before a delimiter or the end of a line; a quote inside of it is doubled. Only in a quoted field is a newline part
of the field. Any other quote is an ordinary character, so a quote that is never closed affects only its own row. A
quoted field has at most `MAX_FIELD_BYTES` bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from components.common.errors import DataRefused

BLOCK_BYTES = 8 * 2**20
MAX_FIELD_BYTES = 2**20
MAX_ROW_BYTES = 64 * 2**20
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RowBoundaries:
    """The rows of a block.

    Attributes:
        ends: the position after each row, its newline included; int64, shape [rows].
        irregular: which rows have a misplaced quote or carriage return; bool, shape [rows].
    """

    ends: Positions
    irregular: npt.NDArray[np.bool_]


def read_blocks(stream: BinaryIO, delimiter: str, size: int, first: int | None = None) -> Iterator[bytes]:
    """Reads the rest of a stream in blocks of whole rows of about `size` bytes, the first block of about `first` bytes.

    Raises:
        DataRefused: a row is longer than `MAX_ROW_BYTES`.
    """
    buffer = b""
    wanted, final = first or size, False
    while not final:
        read = stream.read(wanted)
        if len(read) < wanted:
            # A short read is not always the end of the file; an empty one is.
            more = stream.read(wanted)
            read, final = read + more, not more
        buffer, wanted = buffer + read, size
        cut = _last_row_end(buffer, delimiter, final=final)
        if cut:
            yield buffer[:cut]
            buffer = buffer[cut:]
        elif len(buffer) > MAX_ROW_BYTES:
            raise DataRefused(
                f"{getattr(stream, 'name', 'a file')}: expected rows of text, found none that ends within "
                f"{MAX_ROW_BYTES // 2**20} MiB. Is this a CSV file?"
            )


def find_rows(block: bytes, delimiter: str, *, final: bool = True) -> RowBoundaries:
    """Finds where each row of a block ends. The block must begin at the beginning of a row.

    Args:
        block: bytes as in the file.
        delimiter: one ASCII character.
        final: whether the block ends the file. Otherwise a last row is left out if more bytes may belong to it.
    """
    length = len(block)
    if final and block and not block.endswith(b"\n"):
        block += b"\n"  # The last row then ends like all others.
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE) + 1
    quotes = np.flatnonzero(data == _QUOTE)
    irregular = np.zeros(len(ends), np.bool_)
    if quotes.size:
        regular = _ends_vectorized(data, ends, quotes, delimiter)
        if regular is None or (final and regular[-1] != len(block)):
            ends, irregular = _ends_row_by_row(block, delimiter, final)
        else:
            ends, irregular = regular, np.zeros(len(regular), np.bool_)
    if block.count(b"\r") != block.count(b"\r\n"):
        lone = np.flatnonzero(data == _RETURN)
        lone = lone[np.append(data, 0)[lone + 1] != _NEWLINE]
        rows = np.searchsorted(ends, lone, side="right")
        irregular[rows[rows < len(irregular)]] = True
    return RowBoundaries(np.minimum(ends, length) if final else ends, irregular)


def _last_row_end(block: bytes, delimiter: str, *, final: bool) -> int:
    if final:
        return len(block)
    if b'"' not in block:
        return block.rfind(b"\n") + 1
    ends = find_rows(block, delimiter, final=False).ends
    return int(ends[-1]) if ends.size else 0


def _ends_vectorized(
    data: npt.NDArray[np.uint8], ends: Positions, quotes: Positions, delimiter: str
) -> Positions | None:
    """Returns the ends of rows, without a loop, if every quote belongs to a quoted field; otherwise None.

    In that case a newline ends a row if and only if an even number of quotes comes before it.
    """
    ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    if not ends.size:
        return None
    quotes = quotes[quotes < ends[-1]]
    if not quotes.size:
        return ends
    opening, closing = quotes[0::2], quotes[1::2]
    # A doubled quote looks like one field that closes and another that opens right after it.
    doubled = opening[1:] == closing[:-1] + 1
    before = np.where(opening > 0, data[opening - 1], _NEWLINE)
    after = data[closing + 1]  # Exists: the last end is a newline after all these quotes.
    opens = (before == ord(delimiter)) | (before == _NEWLINE)
    closes = (after == ord(delimiter)) | (after == _NEWLINE) | (after == _RETURN)
    opens[1:] |= doubled
    closes[:-1] |= doubled
    if not (opens.all() and closes.all()):
        return None
    starts = opening[np.append(True, ~doubled)]
    stops = closing[np.append(~doubled, True)]
    return None if np.any(stops - starts >= MAX_FIELD_BYTES) else ends


def _ends_row_by_row(block: bytes, delimiter: str, final: bool) -> tuple[Positions, npt.NDArray[np.bool_]]:
    ends: list[int] = []
    irregular: list[bool] = []
    opening = delimiter.encode() + b'"'
    position = 0
    while position < len(block):
        newline = block.find(b"\n", position)
        # In most lines with a quote, such as 5", no field begins with one.
        if newline >= 0 and block[position] != _QUOTE and block.find(opening, position, newline) < 0:
            end, is_irregular = newline + 1, False
        else:
            end, is_irregular = _row_end(block, position, delimiter.encode(), final)
        if end < 0:
            break
        ends.append(end)
        irregular.append(is_irregular)
        position = end
    return np.array(ends, np.int64), np.array(irregular, np.bool_)


def _row_end(block: bytes, position: int, delimiter: bytes, final: bool) -> tuple[int, bool]:
    """Returns the end of the row at `position`, or -1 if more bytes are needed; and whether the row is irregular."""
    is_irregular = False
    while True:
        if block.startswith(b'"', position):
            stop = _closing_quote(block, position + 1)
            needs_more_bytes = not final and (
                (stop < 0 and position + MAX_FIELD_BYTES >= len(block)) or stop == len(block) - 1
            )
            if needs_more_bytes:
                return -1, False
            if stop >= 0 and (
                stop + 1 == len(block) or block.startswith((delimiter, b"\n", b"\r"), stop + 1)
            ):
                position = stop + 1
            else:
                is_irregular = True
        newline = block.find(b"\n", position)
        comma = block.find(delimiter, position, newline if newline >= 0 else len(block))
        if comma < 0:
            return (
                (newline + 1, is_irregular) if newline >= 0 else (len(block) if final else -1, is_irregular)
            )
        position = comma + len(delimiter)


def _closing_quote(block: bytes, position: int) -> int:
    """Returns where the field whose content begins at `position` is closed; -1 if not within `MAX_FIELD_BYTES`."""
    limit = position - 1 + MAX_FIELD_BYTES
    while True:
        quote = block.find(b'"', position, limit)
        if quote < 0 or not block.startswith(b'"', quote + 1):
            return quote
        position = quote + 2


def split_fields(row: str, delimiter: str) -> list[str] | None:
    """Splits one row into its cells, without quotes; returns None if a quote is misplaced."""
    row = row.removesuffix("\n").removesuffix("\r")
    if '"' not in row:
        return row.split(delimiter)
    fields: list[str] = []
    position = 0
    while True:
        if row.startswith('"', position):
            stop = _closing_quote_in_text(row, position + 1)
            if stop < 0 or not (stop + 1 == len(row) or row.startswith(delimiter, stop + 1)):
                return None
            fields.append(row[position + 1 : stop].replace('""', '"'))
            position = stop + 1
        else:
            comma = row.find(delimiter, position)
            fields.append(row[position : comma if comma >= 0 else len(row)])
            position = comma if comma >= 0 else len(row)
        if position == len(row):
            return fields
        position += len(delimiter)


def _closing_quote_in_text(row: str, position: int) -> int:
    while True:
        quote = row.find('"', position)
        if quote < 0 or not row.startswith('"', quote + 1):
            return quote
        position = quote + 2
