"""Reads the schema of a run, for `regpipe schema freeze`."""

from components.common import storage
from pipeline_def.runs.runs_root import RunsRoot

_SCHEMA = ("SchemaGen", "schema")
_FILE = "schema.pbtxt"


def read_schema(root: RunsRoot, run_id: str | None) -> bytes:
    """Returns the schema of a run as a text-format protobuf; without `run_id`, of the last run that has one.

    Raises:
        NoSuchRun: there is no such run, or it has no schema.
        OSError: its file can't be read.
    """
    for artifact in root.outputs(*_SCHEMA, run_id):
        return storage.read(f"{artifact.uri}/{_FILE}")
    raise root.missing("schema", run_id)
