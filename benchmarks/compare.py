"""Times this pipeline beside stock TFX: same table, networks of the same size, taking turns on one machine.

Prints a Markdown table of medians: seconds per step and for the whole process, peak memory, and regpipe's
second run on the same data, which its cache answers. Every run is a new process in an empty folder, but for
that second run, which gets the folder of the first.

    python benchmarks/compare.py --rows 200000
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
HEAD = ("ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "Transform")
STEPS = (*HEAD, "Trainer", "BaselineTrainer", "Evaluator", "Pusher", "Report")
STOCK_NAMES = {"CsvExampleGen": "ExampleGen"}
REST, WHOLE, MEMORY = "start-up, imports and the rest", "**whole process**", "peak memory, MiB"
STOCK, REGPIPE, CACHED = "stock", "regpipe", "regpipe cached"
LABEL = "label"
BATCH_SIZE = 128
COMPLETE = (0, 4)  # regpipe: pushed; complete, but the model was not good enough to be pushed
WARM_UP_ROWS = 1_000
SAMPLE_SECONDS = 0.2
TENSORFLOW = ("tensorflow", "tensorflow-transform", "tensorflow-model-analysis", "tensorflow-data-validation")
PACKAGES = ("tfx", *TENSORFLOW, "keras", "apache-beam", "ml-metadata", "numpy", "pyarrow")


@dataclass(frozen=True)
class Usage:
    """What one process took: seconds from start to exit, peak memory, and the machine's load before."""

    seconds: float
    peak_mib: float
    load_before: float


@dataclass(frozen=True)
class Measurement:
    """One run: seconds by step, and what the whole process took."""

    steps: dict[str, float]
    usage: Usage


Runs = dict[str, list[Measurement]]


def run_stock(table: Path, root: Path, epochs: int) -> Measurement:
    """Runs stock TFX on `table`, which must be alone in its folder."""
    timings = root / "timings.json"
    command = [str(HERE / "stock_tfx.py"), "--data", str(table.parent), "--root", str(root)]
    command += ["--epochs", str(epochs), "--batch-size", str(BATCH_SIZE)]
    command += ["--json", str(timings), "--pip", str(root.parent / "pip")]
    _, usage = run_python(command, root, complete=(0,))
    steps = json.loads(timings.read_text())["steps"]
    return Measurement({STOCK_NAMES.get(name, name): seconds for name, seconds in steps.items()}, usage)


def run_regpipe(table: Path, root: Path, epochs: int) -> Measurement:
    """Runs this pipeline on `table`; a second run with the same `root` is answered from the cache."""
    command = ["-m", "pipeline_def.cli", "run", "--data", str(table), "--label", LABEL, "--root", str(root)]
    command += ["--json", "--set", f"training.epochs={epochs}", "--set", "training.early_stopping=0"]
    command += ["--set", f"training.batch_size={BATCH_SIZE}"]
    output, usage = run_python(command, root, complete=COMPLETE)
    return Measurement({step["name"]: step["seconds"] for step in last_json(output)["steps"]}, usage)


RUNNERS = {STOCK: run_stock, REGPIPE: run_regpipe}


def run_python(arguments: Sequence[str], root: Path, complete: Sequence[int]) -> tuple[str, Usage]:
    """Runs this Python with `arguments` from the project's folder; returns what it printed and what it took.

    PYTHONDONTWRITEBYTECODE is taken out of its environment: with it each process compiles its imports. TMPDIR
    leads into the folder that is removed at the end: TFX leaves the packages it builds behind.

    Raises:
        SystemExit: if the exit code is not one of `complete`; shows the end of the log.
    """
    scratch = root.parent / "tmp"
    for folder in (root, scratch):
        folder.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(scratch)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    output, log = root.with_suffix(".out"), root.with_suffix(".log")
    load = os.getloadavg()[0]
    with output.open("wb") as stdout, log.open("wb") as stderr:
        command = [sys.executable, *arguments]
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=HERE.parent, env=environment, stdout=stdout, stderr=stderr)
        peak, code = wait_and_watch(process)
        seconds = time.perf_counter() - start
    if code not in complete:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise SystemExit(
            f"{' '.join(arguments[:3])} ended with exit code {code}; the end of its log:\n{tail}"
        )
    return output.read_text(errors="replace"), Usage(seconds, peak / 2**20, load)


def wait_and_watch(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Waits for the process; returns the peak memory of it and its children in bytes, and its exit code.

    The peak is the larger of two: the sampled sum over the tree, which can miss a short peak and counts pages
    that processes share once for each; and what the kernel noted for the largest process of the tree.
    """
    peaks = [0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peaks.append(tree_memory(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    ended.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return max(*peaks, usage.ru_maxrss * 1024), process.returncode


def tree_memory(pid: int) -> int:
    """Sums the resident bytes of a process and its children, but for those just born.

    Between fork and exec a child shows all of its parent's pages, and the sum would be twice the truth.
    """
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            if process is parent or time.time() - process.create_time() > SAMPLE_SECONDS:
                total += process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0  # one ended while it was looked at: the next sample counts again
    return total


def last_json(text: str) -> dict[str, Any]:
    """Finds the JSON object at the end of `text`, whatever was printed before it.

    Raises:
        ValueError: if there is none.
    """
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("{"):
            try:
                found: dict[str, Any] = json.loads("\n".join(lines[index:]))
                return found
            except json.JSONDecodeError:
                continue
    raise ValueError(f"Expected a JSON object at the end of the output, got {text[-200:]!r}.")


def measure(folder: Path, rows: int, epochs: int, repeat: int, peers: Sequence[str]) -> Runs:
    """Runs the peers in turn, `repeat` times; in turn, so that a slow minute of the machine hits both."""
    warm_up(folder, peers)
    table = new_table(folder / "data", rows)
    kinds = [kind for kind in (STOCK, REGPIPE, CACHED) if kind.split()[0] in peers]
    runs: Runs = {kind: [] for kind in kinds}
    for turn in range(1, repeat + 1):
        for kind in kinds:
            peer = kind.split()[0]
            run = RUNNERS[peer](table, folder / peer, epochs)
            runs[kind].append(run)
            told = f"{run.usage.seconds:.1f} s, load before {run.usage.load_before:.1f}"
            progress(f"{turn}/{repeat} {kind}: {told}")
        for name in (*peers, "tmp"):
            shutil.rmtree(folder / name)
    return runs


def warm_up(folder: Path, peers: Sequence[str]) -> None:
    """Runs each peer once on a small table, so that all imports are compiled and in the disk cache."""
    table = new_table(folder / "warm-up-data", WARM_UP_ROWS)
    for peer in peers:
        progress(f"warm-up of {peer}")
        RUNNERS[peer](table, folder / f"warm-up-{peer}", 1)


def new_table(folder: Path, rows: int) -> Path:
    """Writes a table of `rows` examples, alone in its folder."""
    folder.mkdir()
    table = folder / "table.csv"
    command = [sys.executable, str(HERE / "make_data.py"), "--rows", str(rows), "--out", str(table)]
    subprocess.run(command, check=True)
    return table


def progress(message: str) -> None:
    """Tells on stderr what goes on; stdout is for the table."""
    print(message, file=sys.stderr, flush=True)


def markdown(runs: Runs) -> str:
    """Renders the medians as a table; a ratio above 1 means that regpipe takes less."""
    stock, own, cached = (medians(runs.get(kind, [])) for kind in (STOCK, REGPIPE, CACHED))
    rows = [(name, stock.get(name), own.get(name)) for name in (*STEPS, REST, WHOLE, MEMORY)]
    rows.append(
        ("second run, same data (stock TFX caches only on request)", stock.get(WHOLE), cached.get(WHOLE))
    )
    lines = ["| seconds | stock TFX | regpipe | stock / regpipe |", "| --- | ---: | ---: | ---: |"]
    for name, left, right in rows:
        ratio = f"{left / right:.1f}x" if left and right else "-"
        lines.append(f"| {name} | {rounded(left)} | {rounded(right)} | {ratio} |")
    return "\n".join(lines)


def medians(runs: Sequence[Measurement]) -> dict[str, float]:
    """Gives the median of each line of the table over `runs`, which all have the same steps."""
    tables = [
        {
            **run.steps,
            REST: run.usage.seconds - sum(run.steps.values()),
            WHOLE: run.usage.seconds,
            MEMORY: run.usage.peak_mib,
        }
        for run in runs
    ]
    return {name: median(table[name] for table in tables) for name in (tables[0] if tables else ())}


def rounded(value: float | None) -> str:
    """Writes a number with as many decimals as mean something; '-' for none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def describe_machine() -> dict[str, str]:
    """Names the hardware and the versions the numbers were taken with."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    facts = {"CPU": models[0] if models else platform.processor() or platform.machine()}
    facts["cores"] = str(psutil.cpu_count())
    facts["memory"] = f"{psutil.virtual_memory().total / 2**30:.1f} GiB"
    facts["Python"] = platform.python_version()
    return facts | {name: importlib.metadata.version(name) for name in PACKAGES}


def main() -> None:
    """Reads the arguments, measures and prints."""
    parser = argparse.ArgumentParser(description="Compare regpipe with stock TFX on synthetic data.")
    parser.add_argument("--rows", type=int, required=True, help="number of examples")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the data (default: %(default)s)")
    parser.add_argument("--only", choices=(STOCK, REGPIPE), help="run this one alone")
    parser.add_argument("--json", type=Path, help="file for all single measurements")
    args = parser.parse_args()
    peers = (args.only,) if args.only else (STOCK, REGPIPE)
    with tempfile.TemporaryDirectory(prefix="regpipe-bench-") as folder:
        runs = measure(Path(folder), args.rows, args.epochs, args.repeat, peers)
    machine = describe_machine()
    print(f"{args.rows:,} rows, {args.epochs} epochs, batch {BATCH_SIZE}, medians of {args.repeat}\n")
    print(markdown(runs))
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()))
    if args.json:
        singles = {name: [asdict(run) for run in found] for name, found in runs.items()}
        facts = {"rows": args.rows, "epochs": args.epochs, "machine": machine, "runs": singles}
        args.json.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
