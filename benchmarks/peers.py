"""Runs the programs that are compared: regpipe, the same pipeline in stock TFX, and a plain Keras script."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from benchmarks.processes import Usage, run_python
from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.runs.run_store import RunStore

HERE = Path(__file__).resolve().parent
STOCK, REGPIPE, CACHED, KERAS = "stock TFX", "regpipe", "regpipe, cached", "bare Keras"
STOCK_NAMES = {"CsvExampleGen": "ExampleGen"}
STOCK_STORE = "metadata.db"
BATCH_SIZE = 128


@dataclass(frozen=True)
class Measurement:
    """One run of a program: seconds and peak memory in MiB of each step, and the usage of the whole process.

    A step that ended between two samples of the memory has no peak.
    """

    steps: dict[str, float]
    step_peaks: dict[str, float]
    usage: Usage


def run_stock(table: Path, folder: Path, epochs: int) -> Measurement:
    """Runs stock TFX on `table`, which must be the only file in its folder."""
    root = folder / "stock"
    command = [str(HERE / "stock_tfx.py"), "--data", str(table.parent), "--root", str(root)]
    command += ["--epochs", str(epochs), "--batch-size", str(BATCH_SIZE), "--pip", str(folder / "pip")]
    _, usage = run_python(command, folder)
    return _by_step(root / STOCK_STORE, usage)


def run_regpipe(table: Path, folder: Path, epochs: int) -> Measurement:
    """Runs regpipe on `table`; a second run in the same folder is taken from the cache."""
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
    # The strengths of stock_tfx.py, so that both train the same networks.
    for strength in ("l1=1e-5", "l2=1e-4", "dropout=0.1"):
        command += ["--set", f"model.{strength}"]
    # Thresholds as loose as in stock_tfx.py: with many rows regularization has no effect, and the run must publish.
    command += ["--set", "evaluation.max_auc_drop=0.1", "--set", "evaluation.max_log_loss_rise=1"]
    _, usage = run_python(command, folder)
    return _by_step(root / STORE_FILE, usage)


def run_keras(table: Path, folder: Path, epochs: int) -> Measurement:
    """Runs the Keras script on `table`: it scales the features and trains one model."""
    command = [str(HERE / "keras_script.py"), "--data", str(table), "--epochs", str(epochs)]
    printed, usage = run_python([*command, "--batch-size", str(BATCH_SIZE)], folder)
    return Measurement(json.loads(printed.splitlines()[-1])["seconds"], {}, usage)


# In the order of a turn: the cached run follows the run that fills the cache.
PEERS: dict[str, Callable[[Path, Path, int], Measurement]] = {
    STOCK: run_stock,
    KERAS: run_keras,
    REGPIPE: run_regpipe,
    CACHED: run_regpipe,
}


def _by_step(store: Path, usage: Usage) -> Measurement:
    """Returns the measurement of the newest run; ML Metadata has the start and the end of each step."""
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
