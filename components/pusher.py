"""Pusher: publishes a blessed model so that a server which polls the folder never sees half of one."""

import os
import time
from typing import Any

from absl import logging
from tfx.components.pusher import executor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils


def versions(directory: str) -> list[int]:
    """The published versions, in rising order: the integer-named folders, which is what TF Serving loads."""
    if not fileio.exists(directory):
        return []
    names = [str(name).rstrip("/") for name in fileio.listdir(directory)]
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def next_version(directory: str) -> int:
    """The Unix time in seconds, or one more than the newest version where that is not in the past."""
    return max([int(time.time()), *(version + 1 for version in versions(directory))])


def publish(model: str, directory: str, mark: object) -> tuple[str, str]:
    """Copies a SavedModel beside its target under a name that is no version, then renames it.

    Args:
        model: the folder of the SavedModel.
        directory: the folder that TF Serving watches; made if it is not there.
        mark: keeps two pushes at once apart.

    Returns:
        The version, and its folder.

    Raises:
        NotADirectoryError: `directory` is a file.
    """
    if fileio.exists(directory) and not fileio.isdir(directory):
        raise NotADirectoryError(f"{directory}: expected a folder to publish to, found a file.")
    version = str(next_version(directory))
    incoming = os.path.join(directory, f"incoming-{version}-{mark}")
    io_utils.copy_dir(model, incoming)
    target = os.path.join(directory, version)
    fileio.rename(incoming, target)
    logging.info("Published version %s in %s.", version, target)
    return version, target


class Executor(executor.Executor):  # type: ignore[misc]
    """TFX's pusher copies file by file into the version folder that TF Serving watches; this one renames."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]
    ) -> None:
        """Publishes a blessed model.

        What is not blessed leaves the folder untouched.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
        directory = destination.filesystem.base_directory
        version, target = publish(self.GetModelPath(input_dict), directory, pushed.id)
        # A copy in the artifact, as TFX's own pusher leaves one: lineage survives the removal of old versions.
        io_utils.copy_dir(target, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=target, pushed_version=version)
