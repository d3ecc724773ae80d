"""Reads rows from files of records: Avro and TFRecords of tf.Examples."""

from collections.abc import Iterator

import pyarrow as pa

from components.common import storage
from components.example_gen import record_files
from serving.predict.row_batches import FilePart, RowBatch


class RecordSource:
    """The rows of a file of records; see `RowSource`."""

    def __init__(self, path: str) -> None:
        self.name = path
        self.columns = record_files.read_record_header(path).columns

    def batches(self, part: FilePart | None = None) -> Iterator[RowBatch]:
        """See `RowSource`."""
        row = part.first if part else 1
        for records in self._tables(part):
            table = record_files.select(records, list(self.columns))
            # Later records may have values where these have none: as text, they can be written to one file.
            types = [pa.string() if pa.types.is_null(field.type) else field.type for field in table.schema]
            table = table.cast(pa.schema(list(zip(self.columns, types, strict=True))))
            yield RowBatch(table, f"{self.name}: record ", range(row, row + table.num_rows))
            row += table.num_rows

    def _tables(self, part: FilePart | None) -> Iterator[pa.Table]:
        if part is None or not part.length:
            yield from record_files.record_tables(self.name)
            return
        with storage.open_bytes(self.name) as stream:
            stream.seek(part.offset)
            content = stream.read(part.length)
        with record_files.open_records(self.name) as file:
            yield from file.tables(content, part.first)

    def parts(self) -> Iterator[FilePart]:
        """See `RowSource`; the parts are blocks of whole records."""
        if self.name.endswith(".gz"):
            yield FilePart(0, 0, 1)
            return
        with record_files.open_records(self.name) as file:
            for block in file.blocks():
                yield FilePart(block.offset, len(block.content), block.first)

    def share(self) -> float | None:
        """See `RowSource`: unknown."""
        return None
