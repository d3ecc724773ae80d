"""Records the metrics of each epoch: on the terminal, in `history.json`, and in TensorBoard's logs."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import tensorflow as tf

from components.common import storage
from components.common.file_names import HISTORY_FILE
from components.common.formatting import number
from components.tasks.binary import LOG_LOSS
from components.tasks.task import Loss
from components.training.throttle import Throttle

# The whole file is rewritten each time, which is too slow for each of hundreds of epochs a second.
SECONDS_BETWEEN = 1.0
_MANY = 2**31 - 1

progress = logging.getLogger("regpipe.progress")
EpochMetrics = dict[str, float]


class History:
    """Collects, shows and writes the metrics of each epoch.

    A context manager: at its end, also after an error, the file is complete.

    Args:
        run_dir: the folder for `history.json` and the folder `tensorboard`; created if missing; may be on an object
            store such as gs://. None: nothing is written or shown.
        planned: the maximum number of epochs, for the terminal.
        loss: the loss that is minimized; its second metric is shown.
    """

    def __init__(self, run_dir: Path | str | None, planned: int, loss: Loss = LOG_LOSS) -> None:
        self.epochs: list[EpochMetrics] = []
        self._run_dir = run_dir
        self._planned = planned
        self._shown = ("loss", loss.further_metric)
        self._logged = 0
        self._throttle = Throttle(SECONDS_BETWEEN, due_at_start=True)
        self._curves = tf.summary.create_noop_writer()
        if run_dir:
            # Flushed together with the file. By default it is flushed every ten values: on gs:// each flush uploads the
            # whole file.
            rarely = {"max_queue": _MANY, "flush_millis": _MANY}
            self._curves = tf.summary.create_file_writer(f"{run_dir}/tensorboard", **rarely)

    def append(self, epoch: EpochMetrics) -> None:
        """Adds an epoch that has just ended: its number and its metrics by name. Shows it on the terminal."""
        self.extend([epoch])
        if self._run_dir:
            names = (*self._shown, *(f"val_{name}" for name in self._shown))
            shown = " ".join(f"{name} {number(epoch[name])}" for name in names)
            progress.info("epoch %d/%d %s", epoch["epoch"], self._planned, shown)

    def extend(self, epochs: Iterable[EpochMetrics]) -> None:
        """Adds epochs without showing them: those of an interrupted run, which are restored from its checkpoint."""
        self.epochs.extend(epochs)
        if self._throttle.due():
            self._write()

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
        self._curves.close()

    def _write(self) -> None:
        with self._throttle.timed():
            if self._run_dir:
                storage.write(f"{self._run_dir}/{HISTORY_FILE}", json.dumps(self.epochs, indent=1).encode())
            with self._curves.as_default():  # flushes at its end
                for epoch in self.epochs[self._logged :]:
                    for name, value in epoch.items():
                        if name != "epoch":
                            tf.summary.scalar(name, value, step=int(epoch["epoch"]))
            self._logged = len(self.epochs)
