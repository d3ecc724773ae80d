"""The command `regpipe doctor`: checks what a configuration needs on this machine and around it."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from pipeline_def.cli.arguments import add_json, new_parser
from pipeline_def.cli.table_options import add_table_options, read_table_config
from pipeline_def.cli.usage_errors import check_root

if TYPE_CHECKING:
    from pipeline_def.doctor.check_result import CheckResult

_NAME_WIDTH, _STATE_WIDTH = 15, 8
_QUIET = ("ok", "unused")  # nothing is to be done

DESCRIPTION = """\
Checks this machine (Python, glibc, processor, memory, disk, TensorFlow and its
GPUs, Docker, Java), the root with its metadata store, the destination, the
table, Kubeflow Pipelines, the image in its registry, the notification and
MLflow. Each line says ok, missing or problem, and what to do. Nothing is
changed or sent, and no secret is printed.

Only what the configuration uses is required; the rest is marked "not needed"."""
EPILOG = """\
examples:
  regpipe doctor
  regpipe doctor --config pipeline.yaml --root churn_runs

exit codes: 0 nothing that is required is missing; 2 something is, or wrong
arguments or configuration"""


def add_command(subparsers: Any) -> None:
    """Adds `doctor` to argparse's subparsers."""
    parser = new_parser(subparsers, "doctor", "check what a run needs", DESCRIPTION, EPILOG)
    add_table_options(parser)
    add_json(parser)
    parser.set_defaults(command=doctor)


def doctor(args: argparse.Namespace) -> int:
    """`regpipe doctor`: prints the findings as they become known; returns 2 if something required is not ok.

    Raises:
        UsageError: --root is a file.
        ConfigError: see `load_config`.
    """
    check_root(args.root)
    from pipeline_def.doctor.examination import checks, examine

    named = checks(read_table_config(args), args.root)
    if sys.stderr.isatty():
        print(f"{len(named)} checks; the start of TensorFlow takes some seconds", file=sys.stderr)
    failed, records = 0, []
    for name, finding in examine(named):
        failed += finding.fails
        if args.json:
            records.append({"check": name, **vars(finding)})
        else:
            print("\n".join(_lines(name, finding)), flush=True)
    if args.json:
        print(json.dumps(records, indent=2))
    elif failed:
        print(f"\n{failed} of what this configuration needs {'is' if failed == 1 else 'are'} not ok.")
    else:
        print("\nEverything that this configuration needs is there.")
    return 2 if failed else 0


def _lines(name: str, finding: "CheckResult") -> list[str]:
    """Returns the line of a result and, if it is not ok, the line of what to do."""
    head = f"{name:<{_NAME_WIDTH}} {finding.state:<{_STATE_WIDTH}}"
    note = "" if finding.required or finding.state in _QUIET else " (not needed)"
    lines = [f"{head} {' '.join(finding.found.split())}{note}"]
    if finding.state not in _QUIET and finding.advice:
        lines.append(f"{'':<{_NAME_WIDTH}} {'':<{_STATE_WIDTH}} -> {finding.advice}")
    return lines
