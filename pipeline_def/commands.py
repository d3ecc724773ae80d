"""What each subcommand does. Imports of its own stay inside the functions, so that help answers at once."""

import argparse
import difflib
import json
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_def.steps import STEP_NAMES

if TYPE_CHECKING:
    from pipeline_def.config import PipelineConfig
    from pipeline_def.summary import RunRecord

_REPOSITORY = Path(__file__).resolve().parents[1]


class UsageError(Exception):
    """The arguments can't be used. The message is a sentence for the person who typed them."""


def run(args: argparse.Namespace) -> int:
    """`regpipe run`: the verdict on standard output; with --json on standard error, and then the summary.

    Raises:
        UsageError: an unknown step, a root that is no folder or is in use.
        ConfigError: see `load_config`.
    """
    from pipeline_def.config import Flag, load_config

    _check_steps(args.from_step, args.to_step)
    _check_root(args.root)
    flags = [Flag("--data", "data.input", args.data), Flag("--label", "data.label", args.label)]
    config = load_config(args.config, [*args.set, *(flag for flag in flags if flag.text is not None)])

    from pipeline_def import local_runner
    from pipeline_def.runs import NoSuchRun
    from pipeline_def.verdict import show

    options = local_runner.RunOptions(
        root=args.root, use_cache=not args.no_cache, from_step=args.from_step, to_step=args.to_step
    )
    try:
        summary = local_runner.run(_with_sample(config), options)
    except (local_runner.RootInUse, NoSuchRun) as error:
        raise UsageError(str(error)) from None
    show(summary, sys.stderr if args.json else sys.stdout)
    if args.json:
        sys.stderr.flush()
        print(summary.to_json())
    return summary.exit_code


def config(args: argparse.Namespace) -> int:
    """`regpipe config`: the effective configuration as YAML on standard output."""
    from pipeline_def.config import config_yaml, load_config

    print(config_yaml(load_config(args.config, args.set)), end="")
    return 0


def init(args: argparse.Namespace) -> int:
    """`regpipe init`: a configuration file for a table, and on standard output what was found in it."""
    from pipeline_def.init import configure

    _check_output(args)
    text, findings = configure(args.data, args.label)
    _write(args.output, text)
    for line in findings:
        print(line)
    print(f"Wrote {args.output}. Next: regpipe run --config {args.output}")
    return 0


def runs(args: argparse.Namespace) -> int:
    """`regpipe runs`: the runs under a root, the newest first. No run yet is no error."""
    _check_root(args.root)
    from pipeline_def import runs as stored

    try:
        records = stored.list_runs(args.root)
    except stored.NoSuchRun:
        records = []
    if args.json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
    elif records:
        print("\n".join(_table(records)))
    else:
        print(f"No runs under {args.root} yet; `regpipe run` makes the first.")
    return 0


def bless(args: argparse.Namespace) -> int:
    """`regpipe bless`: publishes the candidate of a run by hand, and records who did it and why.

    Raises:
        UsageError: no reason, no such run, nothing in it to publish, or published already.
    """
    _check_root(args.root)
    for option, text in (("--reason", args.reason), ("--by", args.by)):
        if text is not None and not text.strip():
            raise UsageError(f"{option}: expected text that is not empty, got {text!r}")
    import getpass

    from pipeline_def import bless as by_hand
    from pipeline_def.local_runner import RootInUse
    from pipeline_def.runs import NoSuchRun

    try:
        summary = by_hand.bless(
            args.root, args.run, by=args.by or getpass.getuser(), reason=" ".join(args.reason.split())
        )
    except (NoSuchRun, RootInUse, by_hand.CannotBless) as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        print(f"regpipe: the model could not be published: {error}", file=sys.stderr)
        return 1
    print(f"Blessed by hand and published: version {summary.pushed_version} in {summary.pushed_path}.")
    return 0


def freeze(args: argparse.Namespace) -> int:
    """`regpipe schema freeze`: the schema of a run in a file.

    Raises:
        UsageError: no such run, or the file exists.
    """
    _check_root(args.root)
    _check_output(args)
    from pipeline_def import runs as stored

    try:
        path = stored.freeze_schema(args.root, args.run, args.output)
    except stored.NoSuchRun as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(_unwritable(args.output, error)) from None
    print(f"Wrote {path}. Read it, correct it, then: regpipe run --set data.schema_file={path}")
    return 0


def report(args: argparse.Namespace) -> int:
    """`regpipe report`: where the page of a run is; with --open, also in the browser.

    Raises:
        UsageError: no such run, or one without a report.
    """
    _check_root(args.root)
    from pipeline_def import report as reports
    from pipeline_def.runs import NoSuchRun

    try:
        page = reports.report_path(args.root.resolve(), args.run)
    except NoSuchRun as error:
        raise UsageError(str(error)) from None
    print(page)
    if args.open and not webbrowser.open(page.as_uri()):
        print("regpipe: no browser was found here; open the file above in one.", file=sys.stderr)
    return 0


def _with_sample(config: "PipelineConfig") -> "PipelineConfig":
    """The default table is found from any working directory: it comes with the project."""
    sample = type(config)().data.input
    beside_the_code = _REPOSITORY / sample
    if config.data.input != sample or Path(sample).exists() or not beside_the_code.exists():
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"input": str(beside_the_code)})})


def _check_steps(first: str | None, last: str | None) -> None:
    for option, step in (("--from-step", first), ("--to-step", last)):
        if step is not None and step not in STEP_NAMES:
            by_lower = {name.lower(): name for name in STEP_NAMES}
            near = difflib.get_close_matches(step.lower(), by_lower, n=1)
            meant = f"did you mean {by_lower[near[0]]}?" if near else f"there are {', '.join(STEP_NAMES)}"
            raise UsageError(f"{option}: expected the name of a step, got {step!r}; {meant}")
    if first is not None and last is not None and STEP_NAMES.index(first) > STEP_NAMES.index(last):
        raise UsageError(f"--from-step: expected a step not after --to-step {last}, got {first!r}")


def _check_root(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise UsageError(f"--root: expected a folder, got the file {str(root)!r}")


def _check_output(args: argparse.Namespace) -> None:
    if args.output.is_dir():
        raise UsageError(f"-o: expected a file, got the folder {str(args.output)!r}")
    if args.output.exists() and not args.force:
        raise UsageError(f"-o: {args.output} exists; --force overwrites it")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(_unwritable(path, error)) from None


def _unwritable(path: Path, error: OSError) -> str:
    return f"-o: {path} can't be written: {(error.strerror or str(error)).lower()}"


def _table(records: "list[RunRecord]") -> list[str]:
    rows = [("run", "started", "status", "steps", "version")]
    for record in records:
        version = "" if record.pushed_version is None else str(record.pushed_version)
        status = record.status if record.blessed_by is None else f"{record.status}, blessed by hand"
        rows.append((record.run_id, record.started or "", status, str(record.steps), version))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
