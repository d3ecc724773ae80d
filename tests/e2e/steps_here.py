"""Runs the steps of several containers one after the other in this process, with a metadata store in a file.

    python steps_here.py FOLDER ARGUMENTS...

Args:
    FOLDER: the folder for the metadata store, which replaces the MySQL server.
    ARGUMENTS: the arguments of each container, as a JSON list.
"""

import json
import sys
from pathlib import Path

from pipeline_def.kubeflow import step_entrypoint
from pipeline_def.launcher import metadata_store


def main(folder: str, *containers: str) -> int:
    """Returns the exit code of the first step that fails; 0 if none does."""
    metadata_store.shared = lambda config: metadata_store.sqlite(Path(folder))
    return next((code for args in containers if (code := step_entrypoint.main(json.loads(args)))), 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
