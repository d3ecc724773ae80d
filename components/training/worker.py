"""One worker of a training with `training.strategy: multi_worker`: a process of its own, which this module runs.

Its arguments are the folder of `components.training.worker_files`, its number, and the addresses of all workers. All
take the same steps, each on its share of the rows of a batch. Worker 0 also writes the history, the checkpoints and the
result. Its progress is its standard output.
"""

import logging
import os
import sys
import threading
from pathlib import Path

import tensorflow as tf

from components.common.errors import TrainingDiverged
from components.training.checkpoints import Checkpoints
from components.training.train import train_under
from components.training.worker_files import Assignment, open_splits, write_divergence, write_result


def main() -> None:
    """Trains as the assignment in the folder says."""
    folder, index, addresses = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    # The first operation of the process, because TensorFlow configures the cluster only at its start.
    cluster = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": addresses}), task_type="worker", task_id=index, rpc_layer="grpc"
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster)
    assignment = Assignment.read(folder)
    is_first = index == 0
    if is_first:
        logging.basicConfig(stream=sys.stdout, format="%(message)s")
        logging.getLogger("regpipe.progress").setLevel(logging.INFO)
    checkpoints = None
    if assignment.checkpoints:
        checkpoints = Checkpoints(assignment.checkpoints, read_only=not is_first)
    run_dir = assignment.run_dir if is_first else None
    try:
        found = train_under(
            strategy, assignment.model, assignment.training, open_splits(folder), run_dir, checkpoints
        )
    except TrainingDiverged as error:
        if is_first:
            write_divergence(folder, str(error))
        return
    if is_first:
        write_result(folder, found.history, found.network.get_weights(), found.best_weights)


def _end_with_the_parent() -> None:
    """Ends this process when the training's process has ended, however it did: its end of the pipe is then closed."""
    # Not sys.stdin.read: its lock would still be held when the process ends.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
