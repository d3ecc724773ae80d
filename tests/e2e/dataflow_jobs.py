"""`regpipe` in a process that ends where Beam would submit a job to Dataflow, which is written down instead.

Arguments: the folder that gets `job.pb`, a pipeline of Beam's as protocol buffer, then those of regpipe.
"""

import sys
from pathlib import Path
from typing import Any

from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner


def main(folder: str, *words: str) -> int:
    """The exit code of regpipe, for which a job that was not submitted is one that failed."""
    from pipeline_def.cli.main import main as regpipe

    translate = DataflowRunner.run_pipeline

    def run_pipeline(*arguments: Any, **more: Any) -> None:
        job = translate(*arguments, **more).job
        Path(folder, "job.pb").write_bytes(job.proto_pipeline.SerializeToString())
        raise RuntimeError("this would have been submitted")

    DataflowRunner.run_pipeline = run_pipeline
    return regpipe(list(words))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
