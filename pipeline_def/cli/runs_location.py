"""The options that say where the runs are: under a root on this machine, or on a cluster.

One rule for all commands that read or change runs:

- `--root DIR` (the default, with runs): a root on this machine, with the metadata store in it.
- `--cluster-root`: the cluster's root and metadata store, kubeflow.root and kubeflow.metadata, from this machine.
- `--on-cluster`: the same, but the command runs in a pod of the cluster, which has the volume and the store.
"""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_def.cli.arguments import add_config, add_root, read_config
from pipeline_def.cli.usage_errors import UsageError, check_root

if TYPE_CHECKING:
    from pipeline_def.config.load import PipelineConfig
    from pipeline_def.runs.runs_root import RunsRoot

CLUSTER_HELP = """\
--cluster-root and --on-cluster work on the runs of the cluster: kubeflow.root
and kubeflow.metadata of the configuration. --cluster-root opens both from this
machine; a MySQL server needs REGPIPE_METADATA_USER and
REGPIPE_METADATA_PASSWORD in the environment. --on-cluster submits the command
as a run of one step, and prints its output."""


def add_location(parser: argparse.ArgumentParser) -> None:
    """Adds --config, --set, and --root, --cluster-root or --on-cluster."""
    add_config(parser)
    group = parser.add_mutually_exclusive_group()
    add_root(group)
    group.add_argument(
        "--cluster-root",
        action="store_true",
        help="use the runs of the cluster, from this machine: kubeflow.root and kubeflow.metadata",
    )
    group.add_argument(
        "--on-cluster",
        action="store_true",
        help="run the command in a pod of the cluster, as a run of one step on Kubeflow Pipelines",
    )


def open_runs(args: argparse.Namespace, *, files: bool = True) -> "RunsRoot":
    """Opens the root that the options name, and its metadata store.

    Args:
        args: the arguments of the command.
        files: whether the command needs the files of the runs, and not the metadata store alone.

    Raises:
        NoSuchRun: the root on this machine has no metadata store yet.
        UsageError: the root is a file, or the cluster's root or store can't be reached from this machine.
        ConfigError: see `load_config`.
    """
    from pipeline_def.runs.runs_root import RunsRoot

    if not args.cluster_root:
        check_root(args.root)
        return RunsRoot.on_disk(args.root)
    config = read_config(args)
    if files:
        _check_cluster_root(config)
    from pipeline_def.launcher.metadata_store import StoreUnreachable, open_shared
    from pipeline_def.runs.run_store import RunStore

    try:
        store = open_shared(config.kubeflow.metadata)
    except StoreUnreachable as error:
        raise UsageError(f"{error}; --on-cluster runs the command on the cluster") from None
    return RunsRoot(config.kubeflow.root, RunStore(store, config.name), shared=True)


def root_of(args: argparse.Namespace, config: "PipelineConfig") -> str:
    """Returns the root that the options name, for a command that needs no metadata store.

    Raises:
        UsageError: the root is a file, or the cluster's root is not on this machine.
    """
    # Commands such as `serve` have only --root.
    if getattr(args, "cluster_root", False):
        _check_cluster_root(config)
        return config.kubeflow.root
    check_root(args.root)
    return str(args.root.resolve())


def _check_cluster_root(config: "PipelineConfig") -> None:
    from components.common.storage import is_remote

    root = config.kubeflow.root
    if not is_remote(root) and not Path(root).is_dir():
        raise UsageError(
            f"kubeflow.root: --cluster-root expects this folder on this machine, found none at {root!r}: mount the "
            "volume there, or use --on-cluster, which runs the command on the cluster"
        )


@contextlib.contextmanager
def run_errors(args: argparse.Namespace) -> Iterator[None]:
    """Turns the error of a run that does not exist, or of a root without runs, into a usage error."""
    from pipeline_def.runs.run_store import NoSuchRun

    try:
        yield
    except NoSuchRun as error:
        raise UsageError(f"{str(error).rstrip('.')}.{location_hint(args)}") from None


def location_hint(args: argparse.Namespace) -> str:
    """Returns which root was looked at, and which options name another one, for a message that nothing is there.

    "" if the cluster's root was looked at, which the configuration names.
    """
    # Commands such as `drift` have only --root.
    on_cluster = getattr(args, "cluster_root", None)
    if on_cluster:
        return ""
    root = f" The root is {args.root.resolve()}; --root names another one"
    if args.config is None:
        return f"{root}, and --config the configuration of its runs."
    if on_cluster is not None and read_config(args).kubeflow.image is not None:
        return f"{root}. For the runs of the cluster, use --on-cluster or --cluster-root."
    return f"{root}."
