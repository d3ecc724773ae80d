"""Reads, writes and lists files on the local disk."""

import contextlib
import glob
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

# The suffix of a file's name until the file is complete; a killed process leaves such files behind.
UNFINISHED = ".unfinished"


class LocalStorage:
    """Implements `components.common.storage.Storage` for the local disk."""

    def open_bytes(self, path: str) -> BinaryIO:
        """See `Storage`."""
        return open(path, "rb")

    def read(self, path: str) -> bytes:
        """See `Storage`."""
        return Path(path).read_bytes()

    def write(self, path: str, chunks: Iterable[bytes], *, durable: bool) -> None:
        """See `Storage`."""
        with self.new_file(path, durable=durable, scratch=None) as file:
            file.writelines(chunks)

    @contextlib.contextmanager
    def new_file(self, path: str, *, durable: bool, scratch: str | None) -> Iterator[BinaryIO]:
        """See `Storage`."""
        target = Path(path)
        # The name is hidden, so that no glob finds the file before it is complete.
        unfinished = Path(scratch or target.parent, f".{target.name}.{uuid.uuid4().hex}{UNFINISHED}")
        for each in (target, unfinished):
            each.parent.mkdir(parents=True, exist_ok=True)
        # Nobody can predict the name, and "x" follows no link: no other user of the folder can redirect the content.
        file = unfinished.open("xb")
        try:
            with file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(target.parent)

    def make_folder(self, path: str) -> None:
        """See `Storage`."""
        Path(path).mkdir(parents=True, exist_ok=True)

    def remove(self, path: str) -> None:
        """See `Storage`."""
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()

    def remove_folder(self, path: str) -> None:
        """See `Storage`."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)

    def exists(self, path: str) -> bool:
        """See `Storage`."""
        return Path(path).exists()

    def is_folder(self, path: str) -> bool:
        """See `Storage`."""
        return Path(path).is_dir()

    def list_folder(self, folder: str) -> list[str]:
        """See `Storage`."""
        return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).is_dir() else []

    def list_files(self, folder: str) -> list[str]:
        """See `Storage`."""
        root = Path(folder)
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def last_modified(self, folder: str) -> float:
        """See `Storage`."""
        return Path(folder).stat().st_mtime

    def glob(self, pattern: str) -> list[str]:
        """See `Storage`."""
        return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - pathlib takes no absolute pattern.


def sync_folder(folder: str | Path) -> None:
    """Flushes the names in a folder to the disk, so that files created or renamed there survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
