"""What each subcommand does. Imports of its own stay inside the functions, so that help answers at once."""

import argparse
import json
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.common.formatting import aligned_columns
from components.common.suggestions import closest
from pipeline_def.cli.usage import UsageError, check_output, check_root, unwritable, write
from pipeline_def.steps import TUNER, step_names

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig
    from pipeline_def.runs.summary import RunRecord

_REPOSITORY = Path(__file__).resolve().parents[2]


def run(args: argparse.Namespace) -> int:
    """`regpipe run`: the verdict on standard output; with --json on standard error, and then the summary.

    Raises:
        UsageError: an unknown step, a root that is no folder or is in use.
        ConfigError: see `load_config`.
    """
    check_root(args.root)
    config = _configured(args)
    _check_steps(step_names(config), args.from_step, args.to_step)

    from pipeline_def.local import runner
    from pipeline_def.runs.run_store import NoSuchRun
    from pipeline_def.terminal.summary_view import show

    options = runner.RunOptions(
        root=args.root, use_cache=not args.no_cache, from_step=args.from_step, to_step=args.to_step
    )
    try:
        summary = runner.run(config, options)
    except (runner.RootInUse, NoSuchRun) as error:
        raise UsageError(str(error)) from None
    show(summary, sys.stderr if args.json else sys.stdout)
    if args.json:
        sys.stderr.flush()
        print(summary.to_json())
    return summary.exit_code


def study(args: argparse.Namespace) -> int:
    """`regpipe study`: the table on standard output; with --json on standard error, and then the results.

    Raises:
        UsageError: a root that is no folder or is in use.
        ConfigError: see `load_config`.
    """
    check_root(args.root)
    config = _configured(args)
    from pipeline_def.local import study_runner as studies
    from pipeline_def.local.runner import RootInUse

    try:
        studied = studies.study(config, args.root, args.strengths)
    except RootInUse as error:
        raise UsageError(str(error)) from None
    except studies.DataStepsFailed as error:
        from pipeline_def.terminal.summary_view import show as show_summary

        show_summary(error.summary, sys.stderr)
        return error.summary.exit_code
    except studies.StudyFailed as error:
        print(f"regpipe: the study failed: {error}", file=sys.stderr)
        return 1
    from pipeline_def.terminal.study_table import show

    show(studied, sys.stderr if args.json else sys.stdout)
    if args.json:
        sys.stderr.flush()
        print(studied.study.to_json())
    if args.open:
        _open(studied.page)
    return 0


def config(args: argparse.Namespace) -> int:
    """`regpipe config`: the effective configuration as YAML on standard output."""
    from pipeline_def.config.load import config_yaml, load_config

    print(config_yaml(load_config(args.config, args.set)), end="")
    return 0


def init(args: argparse.Namespace) -> int:
    """`regpipe init`: a configuration file for a table, and on standard output what was found in it."""
    from pipeline_def.config.starter_config import configure

    check_output(args)
    text, findings = configure(args.data, args.label)
    write(args.output, text)
    for line in findings:
        print(line)
    print(f"Wrote {args.output}. Next: regpipe run --config {args.output}")
    return 0


def runs(args: argparse.Namespace) -> int:
    """`regpipe runs`: the runs under a root, the newest first. No run yet is no error."""
    check_root(args.root)
    from pipeline_def.runs import run_store as stored

    try:
        records = stored.list_runs(args.root)
    except stored.NoSuchRun:
        records = []
    if args.json:
        print(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
    elif records:
        print(_table(records))
    else:
        print(f"No runs under {args.root} yet; `regpipe run` makes the first.")
    return 0


def freeze(args: argparse.Namespace) -> int:
    """`regpipe schema freeze`: the schema of a run in a file.

    Raises:
        UsageError: no such run, or the file exists.
    """
    check_root(args.root)
    check_output(args)
    from pipeline_def.runs import run_store as stored

    try:
        path = stored.freeze_schema(args.root, args.run, args.output)
    except stored.NoSuchRun as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(unwritable(args.output, error)) from None
    print(f"Wrote {path}. Read it, correct it, then: regpipe run --set data.schema_file={path}")
    return 0


def report(args: argparse.Namespace) -> int:
    """`regpipe report`: where the page of a run is; with --open, also in the browser.

    Raises:
        UsageError: no such run, or one without a report.
    """
    check_root(args.root)
    from pipeline_def.runs import report_facts as reports
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        page = reports.report_path(args.root.resolve(), args.run)
    except NoSuchRun as error:
        raise UsageError(str(error)) from None
    print(page)
    if args.open:
        _open(page)
    return 0


def _open(page: Path) -> None:
    if not webbrowser.open(page.as_uri()):
        print("regpipe: no browser was found here; open the file above in one.", file=sys.stderr)


def _configured(args: argparse.Namespace) -> "PipelineConfig":
    """The configuration that --config, --set, --data and --label make."""
    from pipeline_def.config.load import Flag, load_config

    flags = [Flag("--data", "data.input", args.data), Flag("--label", "data.label", args.label)]
    return _with_sample(
        load_config(args.config, [*args.set, *(flag for flag in flags if flag.text is not None)])
    )


def _with_sample(config: "PipelineConfig") -> "PipelineConfig":
    """The default table is found from any working directory: it comes with the project."""
    sample = type(config)().data.input
    beside_the_code = _REPOSITORY / sample
    if config.data.input != sample or Path(sample).exists() or not beside_the_code.exists():
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"input": str(beside_the_code)})})


def _check_steps(names: Sequence[str], first: str | None, last: str | None) -> None:
    for option, step in (("--from-step", first), ("--to-step", last)):
        if step is not None and step.lower() == TUNER.lower() and TUNER not in names:
            raise UsageError(
                f"{option}: expected a step of this configuration, got {step!r}; --set tuning.trials=10 adds it"
            )
        if step is not None and step not in names:
            meant = closest(step, names)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(names)}"
            raise UsageError(f"{option}: expected the name of a step, got {step!r}; {hint}")
    if first is not None and last is not None and names.index(first) > names.index(last):
        raise UsageError(f"--from-step: expected a step not after --to-step {last}, got {first!r}")


def _table(records: "list[RunRecord]") -> str:
    rows = [("run", "started", "status", "steps", "version")]
    for record in records:
        version = "" if record.pushed_version is None else str(record.pushed_version)
        status = record.status
        if record.blessed_by is not None:
            status += ", blessed by hand"
        elif record.status == "failed" and version:
            status += ", but pushed"
        rows.append((record.run_id, record.started or "", status, str(record.steps), version))
    return aligned_columns(rows)
