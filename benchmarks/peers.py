"""What is compared: regpipe, the same job done by stock TFX, and a bare Keras script that trains one model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from benchmarks.processes import Usage, run_python
from pipeline_def.runs.run_store import STORE_FILE, RunStore

HERE = Path(__file__).resolve().parent
STOCK, REGPIPE, CACHED, KERAS = "stock TFX", "regpipe", "regpipe, cached", "bare Keras"
STOCK_NAMES = {"CsvExampleGen": "ExampleGen"}
STOCK_STORE = "metadata.db"
BATCH_SIZE = 128


@dataclass(frozen=True)
class Measurement:
    """One run of a peer: by step its seconds, and the peak memory in MiB while it ran; and the whole process.

    A step that ended between two looks at the memory has no peak.
    """

    steps: dict[str, float]
    step_peaks: dict[str, float]
    usage: Usage


def run_stock(table: Path, folder: Path, epochs: int) -> Measurement:
    """Stock TFX on `table`, which must be alone in its folder."""
    root = folder / "stock"
    command = [str(HERE / "stock_tfx.py"), "--data", str(table.parent), "--root", str(root)]
    command += ["--epochs", str(epochs), "--batch-size", str(BATCH_SIZE), "--pip", str(folder / "pip")]
    _, usage = run_python(command, folder)
    return _by_step(root / STOCK_STORE, usage)


def run_regpipe(table: Path, folder: Path, epochs: int) -> Measurement:
    """This pipeline on `table`; another run in the same folder is answered from the cache."""
    root = folder / "regpipe"
    command = [
        "-m",
        "pipeline_def.cli",
        "run",
        "--data",
        str(table),
        "--label",
        "label",
        "--root",
        str(root),
    ]
    command += ["--set", f"training.epochs={epochs}", "--set", "training.early_stopping=0"]
    command += ["--set", f"training.batch_size={BATCH_SIZE}"]
    # As loose as stock_tfx.py's: on many rows regularization brings nothing, and publishing is part of the job.
    command += ["--set", "evaluation.max_auc_drop=0.1", "--set", "evaluation.max_log_loss_rise=1"]
    _, usage = run_python(command, folder)
    return _by_step(root / STORE_FILE, usage)


def run_keras(table: Path, folder: Path, epochs: int) -> Measurement:
    """A script that reads `table`, scales it and trains one model."""
    command = [str(HERE / "keras_script.py"), "--data", str(table), "--epochs", str(epochs)]
    printed, usage = run_python([*command, "--batch-size", str(BATCH_SIZE)], folder)
    return Measurement(json.loads(printed.splitlines()[-1])["seconds"], {}, usage)


# In the order of a turn: the cached run comes right after the one that fills the cache.
PEERS: dict[str, Callable[[Path, Path, int], Measurement]] = {
    STOCK: run_stock,
    KERAS: run_keras,
    REGPIPE: run_regpipe,
    CACHED: run_regpipe,
}


def _by_step(store: Path, usage: Usage) -> Measurement:
    """What ML Metadata says of the newest run's steps: when each began and when it ended."""
    source = mlmd.SqliteMetadataSourceConfig(filename_uri=str(store))
    runs = RunStore(MetadataStore(mlmd.ConnectionConfig(sqlite=source)))
    seconds, peaks = {}, {}
    for node, execution in runs.steps(runs.run_contexts()[-1].name):
        name = STOCK_NAMES.get(node, node)
        begin, end = execution.create_time_since_epoch / 1000, execution.last_update_time_since_epoch / 1000
        seconds[name] = end - begin
        if seen := [mib for at, mib in usage.memory if begin <= at <= end]:
            peaks[name] = max(seen)
    return Measurement(seconds, peaks, usage)
