"""Measures the training loop on the GPUs of this machine: rows a second, utilisation, and equality with the CPU.

Prints a Markdown table for 1, 2, ... GPUs beside the CPU, and the line for README.md. Each measurement is a new
process that sees only its GPUs. It needs NVIDIA's driver and TensorFlow's CUDA packages (`tensorflow[and-cuda]`).

    python benchmarks/gpu.py

The equality is measured without TF32: NVIDIA's GPUs since Ampere otherwise round the inputs of matrix products to 10
bits. The speed is measured with TensorFlow's defaults, so with TF32.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
# Sums in another order and other instructions change the last bits, and the steps of a training magnify them.
TOLERANCE = 1e-4  # of the validation loss after the epoch without TF32, relative to the CPU's
EQUALITY_ROWS, EQUALITY_BATCH = 50_000, 1_024
Measured = dict[str, Any]


def make_rows(rows: int, features: int) -> tuple[Any, Any]:
    """Returns float32 features between 0 and 1, [rows, features], and labels 0 or 1, [rows, 1], from a fixed seed."""
    generator = np.random.default_rng(7)
    x = generator.random((rows, features), np.float32)
    margin = (x - 0.5) @ generator.normal(size=features) * 4
    return x, (generator.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.float32)[:, None]


def measure(args: Any) -> Measured:
    """Trains in this process on the devices that it sees; returns rows a second and the losses.

    The first epoch, in which TensorFlow builds the graph and a GPU compiles its kernels, is not part of the speed.
    """
    import tensorflow as tf

    if args.cpu_devices:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * args.cpu_devices
        tf.config.set_logical_device_configuration(cpu, parts)

    from components.config.training import TrainingConfig
    from components.training.strategy import choose_strategy

    tf.config.experimental.enable_tensor_float_32_execution(False)
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    strategy = choose_strategy(TrainingConfig(deterministic=not args.not_deterministic))
    if args.cpu_devices:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(args.cpu_devices)])
    with strategy.scope():
        equality = epochs(make_rows(EQUALITY_ROWS, args.features), EQUALITY_BATCH, 1)
        tf.config.experimental.enable_tensor_float_32_execution(True)
        speed = epochs(make_rows(args.rows, args.features), args.batch_size, args.epochs + 1)
    return {
        "devices": names,
        "replicas": strategy.num_replicas_in_sync,
        "equality_loss": equality["loss"],
        "rows_a_second": args.rows / median(speed["seconds"][1:]),
        "loss": speed["loss"],
        "first_epoch": speed["seconds"][0],
    }


def epochs(rows: tuple[Any, Any], batch_size: int, count: int) -> Measured:
    """Trains the default network, with dropout and penalties; returns the seconds of each epoch and the last loss."""
    import keras

    from components.config.model import ModelConfig
    from components.config.training import TrainingConfig
    from components.training.dataset import InMemoryDataset
    from components.training.epoch_runner import EpochRunner, Scorer
    from components.training.network import build_model

    train = InMemoryDataset(*rows)
    settings = TrainingConfig(batch_size=batch_size, learning_rate=1e-3)
    keras.utils.set_random_seed(42)
    model = build_model(train.width, ModelConfig(hidden_units=(128, 64), l1=1e-4, l2=1e-3, dropout=0.2))
    runner, seconds = EpochRunner(model, train, settings), []
    for number in range(1, count + 1):
        start = time.perf_counter()
        runner.run_epoch(number, train, lambda: None)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "loss": float(Scorer(model, train)(train, lambda: None)["loss"])}


class Utilisation:
    """Samples the utilisation of the GPUs with `nvidia-smi`, once a second, while the block runs.

    Attributes:
        percent: the samples above 0, of all GPUs that are measured.
    """

    def __init__(self, gpus: int) -> None:
        self.percent: list[float] = []
        self._gpus = gpus

    def __enter__(self) -> "Utilisation":
        if self._gpus:
            ids = ",".join(map(str, range(self._gpus)))
            query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-l", "1", "-i", ids]
            self._process = subprocess.Popen(["nvidia-smi", *query], stdout=subprocess.PIPE, text=True)
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip().isdigit() and int(line) > 0:
                self.percent.append(int(line))

    def __exit__(self, *_: object) -> None:
        if self._gpus:
            self._process.terminate()
            self._process.wait()
            self._reader.join()


def run(args: Any, gpus: int, cpu_devices: int = 0) -> Measured:
    """Measures in a new process that sees the first GPUs only; adds their median utilisation.

    Raises:
        SystemExit: the process failed; shows the end of its log.
    """
    visible = ",".join(map(str, range(gpus))) or "-1"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": visible, "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, str(HERE / "gpu.py"), "--measure", "--cpu-devices", str(cpu_devices)]
    if args.not_deterministic:
        command.append("--not-deterministic")
    for name in ("rows", "features", "batch_size", "epochs"):
        command += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    with Utilisation(gpus) as utilisation, tempfile.TemporaryFile("w+") as log:
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, check=False
        )
        if done.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{log.read()[-2000:]}")
    result: Measured = json.loads(done.stdout.splitlines()[-1])
    expected = gpus or max(cpu_devices, 1)
    if result["replicas"] != expected:
        raise SystemExit(f"expected {expected} replicas, TensorFlow made {result['replicas']}")
    return {**result, "utilisation": median(utilisation.percent) if utilisation.percent else None}


def count_gpus() -> int:
    """Returns the number of GPUs that `nvidia-smi` lists; 0 without it."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 0
    return 0 if listed.returncode else sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def table(results: dict[str, Measured], args: Any) -> str:
    """Returns the table: the first result, the CPU's, is what the others are compared with."""
    lines = [
        f"{args.rows:,} rows x {args.features}, batches of {args.batch_size:,}; median of {args.epochs} epochs after "
        "the first.",
        "",
        "| devices | rows a second | ratio | utilisation | loss without TF32 | differs from the CPU's by |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    cpu = next(iter(results.values()))
    for name, result in results.items():
        used = "" if result["utilisation"] is None else f"{result['utilisation']:.0f}%"
        ratio = result["rows_a_second"] / cpu["rows_a_second"]
        lines.append(
            f"| {name} | {result['rows_a_second']:,.0f} | {ratio:.2f} | {used} | {result['equality_loss']:.6f} "
            f"| {difference(result, cpu):.1e} |"
        )
    return "\n".join(lines)


def difference(result: Measured, cpu: Measured) -> float:
    """Returns the relative difference of the losses after the epoch without TF32."""
    found: float = abs(result["equality_loss"] - cpu["equality_loss"]) / cpu["equality_loss"]
    return found


def readme_line(results: dict[str, Measured]) -> str:
    """Returns the line for the table of README.md, for the largest number of GPUs."""
    cpu, *_, best = results.values()
    ratio = best["rows_a_second"] / cpu["rows_a_second"]
    kind = f"{best['replicas']} x {best['devices'][0]}"
    speed = f"{best['rows_a_second']:,.0f} rows a second, {ratio:.1f} times the CPU's"
    return f"| a GPU | {kind}: {speed} | `benchmarks/gpu.py` |"


def parse(argv: list[str] | None = None) -> Any:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(
        description="Measure the training loop on the GPUs of this machine, beside its CPU: rows a second, "
        "utilisation, equality."
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--features", type=int, default=20, help="default: %(default)s")
    parser.add_argument(
        "--batch-size", type=int, default=8_192, help="of all GPUs together; default: %(default)s"
    )
    parser.add_argument("--epochs", type=int, default=5, help="measured ones; default: %(default)s")
    parser.add_argument("--gpus", type=int, help="measure 1 to this number of GPUs (default: all)")
    parser.add_argument(
        "--cpu-devices",
        type=int,
        default=0,
        metavar="N",
        help="without a GPU: also divide the CPU into N devices",
    )
    parser.add_argument(
        "--not-deterministic", action="store_true", help="measure with training.deterministic: false"
    )
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main() -> None:
    """Measures the CPU and each number of GPUs, and prints the table; exits with 1 if a loss is not the CPU's."""
    args = parse()
    if args.measure:
        print(json.dumps(measure(args)))
        return
    found = count_gpus()
    gpus = found if args.gpus is None else args.gpus
    if gpus > found:
        raise SystemExit(f"--gpus: expected at most {found}, the GPUs that nvidia-smi lists, got {gpus}")
    results = {"the CPU": run(args, 0)}
    for count in range(1, gpus + 1):
        print(f"{count} of {gpus} GPUs ...", file=sys.stderr)
        results[f"{count} x {{}}"] = run(args, count)
    if args.cpu_devices:
        results[f"{args.cpu_devices} devices of the CPU"] = run(args, 0, args.cpu_devices)
    results = {name.format(*result["devices"][:1]): result for name, result in results.items()}
    print(table(results, args))
    if gpus:
        print(f"\nThe line for README.md:\n{readme_line(results)}")
    else:
        print("\nNo GPU was found: nvidia-smi lists none.")
    cpu = next(iter(results.values()))
    wrong = [name for name, result in results.items() if difference(result, cpu) > TOLERANCE]
    if wrong:
        raise SystemExit(f"{', '.join(wrong)}: the loss differs from the CPU's by more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
