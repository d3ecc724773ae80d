"""Finds the folder to which the runs of a configuration publish models."""

from pathlib import Path

from components.common.storage import is_remote
from components.pusher.publication import Destination
from pipeline_def.config.load import PipelineConfig


def destination(config: PipelineConfig, root: Path | str) -> Destination:
    """Returns the destination of the group `serving`; without `serving.directory`, it is `serving` under the root.

    Args:
        config: the whole configuration.
        root: the folder of the runs, or a gs:// address.
    """
    directory = config.serving.directory or f"{root}/serving"
    return Destination(
        directory=directory if is_remote(directory) else str(Path(directory).absolute()),
        keep_versions=config.serving.keep_versions,
        model_name=config.name,
    )
