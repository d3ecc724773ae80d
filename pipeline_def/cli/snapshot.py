"""The command `regpipe snapshot`: writes the result of a SQL query to a Parquet file."""

import argparse
import os
from pathlib import Path
from typing import Any

from components.common.formatting import plural
from pipeline_def.cli.arguments import add_output, local_path, new_parser
from pipeline_def.cli.usage_errors import UsageError, check_output, output_error, print_error

URL_VARIABLE = "REGPIPE_DATABASE_URL"
DESCRIPTION = f"""\
Runs a SQL query and writes its rows to a Parquet file, the table of a run. The
database is the SQLAlchemy URL in the environment variable {URL_VARIABLE};
if it is not set, DuckDB runs the query on the local files that it names. This
needs the package regpipe[sql], and the driver of the database."""
EPILOG = f"""\
examples:
  export {URL_VARIABLE}=postgresql://USER:PASSWORD@HOST/DATABASE
  regpipe snapshot --query 'SELECT * FROM churn ORDER BY id' -o churn.parquet
  regpipe snapshot --query-file churn.sql -o days/span-2024-01-31/churn.parquet
  regpipe run --data churn.parquet --label churned

The URL is neither in the file nor in a message, and no run needs it. A run
takes its steps from the cache if the file has not changed: ORDER BY gives the
same rows the same order.

exit codes: 0 written; 1 the database can't be reached, refuses the query or
returns no rows; 2 wrong arguments, or the file exists"""


def add_command(subparsers: Any) -> None:
    """Adds `snapshot` to argparse's subparsers."""
    parser = new_parser(
        subparsers, "snapshot", "write the result of a SQL query to a file", DESCRIPTION, EPILOG
    )
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--query", metavar="SQL", help="a statement that returns rows")
    query.add_argument("--query-file", type=local_path, metavar="FILE", help="a file with the statement")
    add_output(parser, "table.parquet")
    parser.set_defaults(command=snapshot)


def snapshot(args: argparse.Namespace) -> int:
    """`regpipe snapshot`: writes the rows that a query returns, and prints how many there are.

    Raises:
        UsageError: the query's file can't be read, or the output exists, can't be written or has another suffix.
    """
    if args.output.suffix != ".parquet":
        raise UsageError(f"-o: expected a name that ends in .parquet, got {str(args.output)!r}")
    check_output(args)
    query = args.query or _read(args.query_file)
    url = os.environ.get(URL_VARIABLE, "").strip() or None

    from pipeline_def.local.sql_snapshot import QueryFailed, write_snapshot

    try:
        written = write_snapshot(query, url, args.output)
    except QueryFailed as failure:
        hint = "" if url else f" ({URL_VARIABLE} is not set, so DuckDB runs the query on local files)"
        return print_error(f"{failure}{hint}", 1)
    except OSError as error:
        raise UsageError(output_error(args.output, error)) from None
    size = f"{plural(written.rows, 'row')} and {plural(written.columns, 'column')}"
    print(f"Wrote {args.output} with {size}.")
    print(f"Next: regpipe init --data {args.output} --label NAME")
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"--query-file: {path} can't be read: {(found or str(error)).lower()}") from None
