"""Steps of runs as containers start them, here one after the other, over a metadata store in a file instead of a MySQL.

    python steps_here.py FOLDER WORDS...

Args:
    FOLDER: gets the metadata store.
    WORDS: of each container in turn, as a list in JSON.
"""

import json
import sys
from pathlib import Path

from pipeline_def.kubeflow import step_entrypoint
from pipeline_def.launcher import metadata_store


def main(folder: str, *containers: str) -> int:
    """The exit code of the first step that fails; 0 if none does."""
    metadata_store.shared = lambda config: metadata_store.sqlite(Path(folder))
    return next((code for words in containers if (code := step_entrypoint.main(json.loads(words)))), 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
