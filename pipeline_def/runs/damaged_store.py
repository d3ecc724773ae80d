"""Checks that the file of a metadata store is intact."""

import contextlib
import sqlite3
from pathlib import Path


class DamagedStore(Exception):
    """The file of the metadata store is damaged. The message has the path and what can be done."""

    def __init__(self, path: Path, problem: object) -> None:
        super().__init__(
            f"{path}: expected a metadata store (an SQLite database), found a damaged file: {problem}. Restore it from "
            "a backup; or move it and the folder artifacts/ away, then the next run starts anew."
        )


def check_store(path: Path) -> None:
    """Raises DamagedStore if SQLite finds the file damaged. A file that another process writes is not checked."""
    with contextlib.suppress(sqlite3.OperationalError):
        try:
            # Not read-only: after a crash, SQLite first reverses what was not committed.
            with contextlib.closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
            ) as database:
                ((found,),) = database.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise DamagedStore(path, error) from None
        if found != "ok":
            raise DamagedStore(path, str(found).splitlines()[-1])
