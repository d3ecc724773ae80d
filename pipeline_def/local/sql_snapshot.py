"""Writes the result of a SQL query to a Parquet file, through SQLAlchemy or, for local files, DuckDB.

The URL of the database, which may contain a password, is read by the command only: neither the file nor a message
contains it, and no run needs it.
"""

import contextlib
import decimal
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as papq

from components.common import storage
from components.common.errors import reason
from components.common.formatting import first_of

_PART_ROWS = 10_000
_GROUP_ROWS = 2**17  # ExampleGen converts row groups in parallel


class QueryFailed(Exception):
    """The database can't be reached, or did not return a table. The message does not contain the URL."""


class Snapshot(NamedTuple):
    """The size of a table that was written."""

    rows: int
    columns: int


def write_snapshot(query: str, url: str | None, path: Path) -> Snapshot:
    """Runs a query and writes its rows, in their order, to a Parquet file, which appears when it is complete.

    The rows must fit into memory. A transaction is rolled back, so the query can't change the database.

    Args:
        query: one statement that returns rows.
        url: the database, as SQLAlchemy has it; None: DuckDB, whose queries name local files.
        path: the file.

    Raises:
        QueryFailed: the database can't be reached, refuses the query, or returns no rows.
        OSError: the file can't be written.
    """
    table = _from_files(query) if url is None else _from_database(query, url)
    repeated = [name for name, times in Counter(table.column_names).items() if times > 1 or not name]
    if repeated:
        names = first_of([*map(repr, repeated)], 5)
        raise QueryFailed(f"expected columns with different names, found {names} more than once or empty")
    if not table.num_rows:
        raise QueryFailed("expected rows, found none; nothing was written")
    with storage.new_file(str(path)) as target:
        papq.write_table(table, target, row_group_size=_GROUP_ROWS)
    return Snapshot(table.num_rows, table.num_columns)


def _from_files(query: str) -> pa.Table:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise QueryFailed("there is no DuckDB; install regpipe[sql]") from None
    try:
        with duckdb.connect() as connection:
            return connection.execute(query).to_arrow_table()
    except duckdb.Error as error:
        raise QueryFailed(f"DuckDB: {reason(error)}") from error


def _from_database(query: str, url: str) -> pa.Table:
    try:
        import sqlalchemy
    except ModuleNotFoundError:
        raise QueryFailed("there is no SQLAlchemy; install regpipe[sql]") from None
    try:
        # Otherwise the URL would be a part of some errors.
        engine = sqlalchemy.create_engine(sqlalchemy.make_url(url), hide_parameters=True)
        with engine.connect().execution_options(stream_results=True) as connection:
            result = connection.exec_driver_sql(query)
            if not result.returns_rows:
                raise QueryFailed("expected a query that returns rows, found one that returns none")
            return as_table(list(result.keys()), result.partitions(_PART_ROWS))
    # Drivers raise errors of their own, and ModuleNotFoundError if they are missing.
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, OSError) as error:
        cause = getattr(error, "orig", None) or error  # the driver's own error, without the query
        raise QueryFailed(_without_secrets(reason(cause), url)) from None


def _without_secrets(message: str, url: str) -> str:
    """Returns a message without the URL and the password in it."""
    import sqlalchemy

    secrets = [url]
    with contextlib.suppress(sqlalchemy.exc.ArgumentError):
        password = sqlalchemy.make_url(url).password or url
        secrets += [password, urllib.parse.quote_plus(password)]
    for secret in secrets:
        message = message.replace(secret, "***")
    return message


def as_table(names: Sequence[str], parts: Iterable[Sequence[Sequence[Any]]]) -> pa.Table:
    """Returns rows as a table. A column with values of types that don't fit together becomes text.

    Args:
        names: the names of the columns.
        parts: the rows, part by part.
    """
    columns: list[list[Any]] = [[] for _ in names]
    for part in parts:
        for column, values in zip(columns, _columns(part), strict=True):
            column.append(_array(values))
    return pa.Table.from_arrays([_joined(column) for column in columns], list(names))


def _columns(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    return iter(zip(*rows, strict=True))


def _array(values: Sequence[Any]) -> Any:
    try:
        return pa.array([float(value) if isinstance(value, decimal.Decimal) else value for value in values])
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _joined(parts: Sequence[Any]) -> Any:
    """Returns the parts of a column as one column of a common type."""
    try:
        schemas = [pa.schema([("column", part.type)]) for part in parts]
        common = pa.unify_schemas(schemas, promote_options="permissive").field(0).type if parts else pa.null()
    except pa.ArrowException:
        common = pa.string()
    return pa.chunked_array([part.cast(common) for part in parts], common)
