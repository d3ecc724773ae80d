"""Recognizes files that are not text by their first bytes, so that a message can name their type."""

_SIGNATURES = (
    (b"\x1f\x8b", "gzip; the name of a compressed CSV file must end in .gz"),
    (b"BZh", "bzip2; decompress it, or compress it with gzip (.gz)"),
    (b"\xfd7zXZ\x00", "xz; decompress it, or compress it with gzip (.gz)"),
    (b"\x28\xb5\x2f\xfd", "Zstandard; decompress it, or compress it with gzip (.gz)"),
    (b"PAR1", "Parquet; its name must end in .parquet"),
    (b"ORC", "ORC; convert it to CSV or Parquet"),
    (b"Obj\x01", "Avro; its name must end in .avro"),
    (b"ARROW1", "Arrow IPC (Feather); convert it to CSV or Parquet"),
    (b"\x89HDF", "HDF5; convert it to CSV or Parquet"),
    (b"SQLite format 3\x00", "a SQLite database; export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel (.xls); save the sheet as CSV"),
    (b"%PDF", "PDF; export the table as CSV"),
    (b"\x7fELF", "a program"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_EXCEL = (b"[Content_Types].xml", b"xl/")
_HTML = (b"<!doctype html", b"<html")


def recognized(start: bytes) -> str | None:
    """Returns what a file is that begins with these bytes, and what to do with it; None if it may be text."""
    if start.startswith(_ZIP):
        if any(name in start[:2_000] for name in _EXCEL):
            return "a workbook of Excel (.xlsx); save the sheet as CSV"
        return "a zip archive; unpack it"
    if start.lstrip().lower().startswith(_HTML):
        return "an HTML page; download the table itself"
    if start.lstrip().startswith(b"[") and start.lstrip(b" \r\n\t[").startswith(b"{"):
        return "a JSON array; expected JSON lines, one object in each line"
    return next((name for signature, name in _SIGNATURES if start.startswith(signature)), None)
