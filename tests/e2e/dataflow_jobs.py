"""Runs `regpipe` in a process that writes the first job for Dataflow to a file instead of submitting it, and fails.

Arguments: the folder for `job.pb`, a Beam pipeline as protocol buffer, then those of regpipe.
"""

import sys
from pathlib import Path
from typing import Any

from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner


def main(folder: str, *arguments: str) -> int:
    """Returns the exit code of regpipe; for regpipe, the job has failed."""
    from pipeline_def.cli.main import main as regpipe

    translate = DataflowRunner.run_pipeline

    def run_pipeline(*positional: Any, **named: Any) -> None:
        job = translate(*positional, **named).job
        Path(folder, "job.pb").write_bytes(job.proto_pipeline.SerializeToString())
        raise RuntimeError("this would have been submitted")

    DataflowRunner.run_pipeline = run_pipeline
    return regpipe(list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
