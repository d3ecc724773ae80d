"""The result of a command that runs on the cluster, as lines of the step's log.

The API of Kubeflow Pipelines gives neither the exit code nor an output of a task (api_converter.go,
toApiPipelineTaskDetail, at 2.17.0), but it gives the log of a pod.
"""

import base64
import binascii
import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

OUTPUT_FILE = "output"
"""The file in the working folder of a command that is sent back, if the command has written it."""

_MARK = "regpipe-result:"
_END = "."
_LINE = 8_000  # characters; a kubelet splits lines of more than 16 KiB
_MAX_BYTES = 4_000_000  # of all lines; a kubelet keeps 10 MiB of a log


@dataclass(frozen=True)
class CommandResult:
    """What a command has printed and written.

    Attributes:
        exit_code: its exit code.
        output: what it has printed to standard output.
        errors: what it has printed to standard error.
        file: the content of `OUTPUT_FILE`; None if there is none, or it is left out.
        left_out: why the file, or the end of the output, is left out; empty if nothing is.
    """

    exit_code: int
    output: str
    errors: str
    file: bytes | None = None
    left_out: str = ""

    def log_lines(self) -> list[str]:
        """Returns the lines for the log. What is too large for a log is left out."""
        lines = self._lines()
        if sum(map(len, lines)) <= _MAX_BYTES:
            return lines
        if self.file is not None:
            size = len(self.file)
            left_out = f"The file of {size:,} bytes is too large for the log."
            return CommandResult(self.exit_code, self.output, self.errors, None, left_out).log_lines()
        half = self.output[: len(self.output) // 2]
        left_out = "The output is too large for the log, so its end is missing."
        return CommandResult(self.exit_code, half, self.errors, None, left_out).log_lines()

    def _lines(self) -> list[str]:
        file = None if self.file is None else base64.b64encode(self.file).decode()
        text = json.dumps({**asdict(self), "file": file})
        # mtime: equal results give equal lines.
        packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        parts = [packed[start : start + _LINE] for start in range(0, len(packed), _LINE)]
        return [f"{_MARK}{part}" for part in [*parts, _END]]

    @classmethod
    def find(cls, logs: Iterable[str]) -> "CommandResult | None":
        """Returns the last complete result in the first log that has one; None if no log has one."""
        return next((found for log in logs if (found := cls._parse(log)) is not None), None)

    @classmethod
    def _parse(cls, log: str) -> "CommandResult | None":
        found, parts = None, []
        for line in log.splitlines():
            mark, _, part = line.strip().partition(":")
            if f"{mark}:" != _MARK:
                continue
            if part != _END:
                parts.append(part)
                continue
            found = cls._unpack("".join(parts)) or found
            parts = []
        return found

    @classmethod
    def _unpack(cls, packed: str) -> "CommandResult | None":
        try:
            fields = json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))
            file = None if fields["file"] is None else base64.b64decode(fields["file"])
            return cls(**{**fields, "file": file})
        except (binascii.Error, OSError, EOFError, ValueError, LookupError, TypeError):  # it was cut off
            return None
