"""The step after Report: prints the result of the run, and fails if nothing was pushed.

    python -m pipeline_def.kubeflow.verdict_step --status not_blessed --message "..."

It is a separate step because Kubeflow Pipelines keeps the outputs (report and metrics) of successful steps only.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import cast

from pipeline_def.runs.summary import EXIT_CODES, Status
from pipeline_def.terminal.control_characters import escaped_output


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the message and returns the exit code that `regpipe run` has for the status."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_def.kubeflow.verdict_step", allow_abbrev=False)
    parser.add_argument("--status", required=True, choices=sorted(EXIT_CODES))
    parser.add_argument("--message", required=True)
    args = parser.parse_args(argv)
    print(f"regpipe: {args.message}", file=sys.stderr)
    return EXIT_CODES[cast(Status, args.status)]


if __name__ == "__main__":
    with escaped_output(is_log=True):
        sys.exit(main())
