"""Simulates thirty scheduled nights on one root, and scores what is served each morning.

uv run python -m benchmarks.nights --out nights.jsonl
.ci/containers uv run python -m benchmarks.nights --containers --out nights_in_containers.jsonl
uv run python -m benchmarks.nights --table nights.jsonl --beside nights_in_containers.jsonl

Each night has a new table of its own date. The data drifts slowly and jumps once; some nights go wrong in a known way.
`NIGHTS` has what should happen, written before the first run of each. After each
night, three models are scored on fresh rows of that night's true distribution: the one that regpipe serves, the newest
that was trained ("always publish"), and the first one ("never publish again").
"""

import argparse
import contextlib
import datetime
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from unittest import mock

import numpy as np
import pandas as pd

from pipeline_def.config.kubeflow_metadata import PASSWORD_VARIABLE, USER_VARIABLE
from pipeline_def.config.notification import URL_VARIABLE
from tests.standins.webhook import Webhook, webhook

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster

FEATURES = tuple(f"f{index}" for index in range(8))
LABEL = "label"
ROWS, FRESH_ROWS = 2_000, 10_000
FIRST_DAY = datetime.date(2026, 3, 1)
JUMP = 17
# Radians a night by which the weights of the first two features turn: 1.1 degrees.
TURN = 0.02
DATA_REFUSED = 3  # the exit code
SPANS = "days/day-{SPAN}/*.csv"
ROLLBACK = ("--by=ann", "--reason=wrong labels")
SETTINGS = (
    f"data.label={LABEL}", "model.l1=0.0001", "model.l2=0.001", "model.dropout=0", "training.epochs=12",
    "serving.keep_versions=40", "notify.when=always",
)  # fmt: skip


class Night(NamedTuple):
    """What happens in a night, and what should come of it.

    Attributes:
        event: what happened to the data or the settings.
        code: the expected exit code of `regpipe run`.
        moved: whether drift should be reported; None: either is right.
        settings: the keys that this night's run differs in, with their values as JSON.
        span: the night whose table is read; None: its own.
        roll_back: whether a person rolls back to the version before, after the run.
    """

    event: str = ""
    code: int = 0
    moved: bool | None = False
    settings: Mapping[str, str] = MappingProxyType({})
    span: int | None = None
    roll_back: bool = False


TEXT, CUT, FEW, LABELS = "a column became text", "the file was cut", "60 rows", "a third of the labels wrong"
REPEATED, SHORT, JUMPED = "the same table again", "training.epochs set to 1", "the data jumped"
SOME_LABELS, SLOW = "a fifth of the labels wrong", "learning rate and penalties set to a tenth"
# The share of the labels.
WRONG = {LABELS: 1 / 3, SOME_LABELS: 1 / 5}
NIGHTS = {
    1: Night("the first run"),
    5: Night(REPEATED, span=4),
    8: Night(FEW, code=4),
    11: Night(TEXT, code=3, moved=None),
    14: Night(CUT, code=3),
    JUMP: Night(JUMPED, moved=True),
    20: Night(LABELS + "; rolled back by hand", roll_back=True),
    21: Night("the table of night 20 again", code=4, span=20),
    24: Night(SHORT, code=4, settings={"training.epochs": "1"}),
    26: Night(SOME_LABELS),
    # Candidate and baseline are both far from the minimum: as good as its twin, and worse than the served model.
    30: Night(
        SLOW,
        code=4,
        settings={"training.learning_rate": "0.0001", "model.l1": "0.00001", "model.l2": "0.0001"},
    ),
}


def planned(night: int) -> Night:
    """Returns what happens in a night; an ordinary one publishes. Slow drift may be reported at any time."""
    return NIGHTS.get(night, Night(moved=None))


def day(night: int) -> str:
    """Returns the date of a night, as YYYYMMDD."""
    return f"{FIRST_DAY + datetime.timedelta(days=night - 1):%Y%m%d}"


def rows(night: int, count: int, seed: int) -> pd.DataFrame:
    """Draws `count` rows of the true distribution of a night."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, len(FEATURES)))
    jumped = night >= JUMP
    values[:, 0] += 0.01 * night
    values[:, 2] += 1.0 * jumped
    angle = TURN * night + 0.6 * jumped
    logit = 2 * np.cos(angle) * values[:, 0] + 2 * np.sin(angle) * values[:, 1] + 0.5 * values[:, 3]
    frame = pd.DataFrame(values, columns=FEATURES).round(6)
    frame[LABEL] = (random.random(count) < 1 / (1 + np.exp(-logit))).astype(int)
    return frame


def write_table(night: int, folder: Path) -> None:
    """Writes the table of a night, with what goes wrong in it."""
    event = planned(night).event.partition(";")[0]
    frame = rows(night, 60 if event == FEW else ROWS, seed=night)
    if event == TEXT:
        frame["f1"] = "x" + frame["f1"].astype(str)
    if event in WRONG:
        wrong = np.random.default_rng(night).random(ROWS) < WRONG[event]
        frame[LABEL] = frame[LABEL].where(~wrong, 1 - frame[LABEL])
    path = folder / f"day-{day(night)}" / "rows.csv"
    path.parent.mkdir(parents=True)
    text = frame.to_csv(index=False)
    # The cut is within a row, after 70% of the text.
    path.write_text(text[: int(0.7 * len(text))].rpartition(",")[0] if event == CUT else text)


class Place(Protocol):
    """Where the nights run.

    Attributes:
        root: the folder of all runs.
        name: what the root is called in the output, which has no path of this machine.
    """

    root: Path
    name: str

    def run(self, span: str, settings: Mapping[str, str]) -> tuple[dict[str, Any], str]:
        """Runs a night as a schedule does; returns its summary and the message that was posted to the webhook."""

    def roll_back(self, version: int) -> None:
        """Publishes a version again, as a person does."""


class ThisMachine:
    """Runs each night with `regpipe run`, in this process."""

    name = "ROOT"

    def __init__(self, root: Path, listener: Webhook) -> None:
        self.root = root
        self._listener = listener

    def run(self, span: str, settings: Mapping[str, str]) -> tuple[dict[str, Any], str]:
        """Runs `regpipe run`; see `Place.run`."""
        chosen = (f"data.input={self.root}/{SPANS}", f"data.span={span}", *SETTINGS)
        words = [*chosen, *(f"{key}={value}" for key, value in settings.items())]
        code = _regpipe("run", "--root", str(self.root), "--json", *(f"--set={word}" for word in words))
        summary: dict[str, Any] = json.loads(max(self.root.glob("runs/*/summary.json")).read_text())
        assert summary["exit_code"] == code, summary
        data = self._listener.received[-1].document["data"]
        assert data["run_id"] == summary["run_id"]
        return summary, data["message"]

    def roll_back(self, version: int) -> None:
        """Runs `regpipe rollback`."""
        assert _regpipe("rollback", str(version), "--root", str(self.root), *ROLLBACK) == 0


class Containers:
    """Runs each night as the compiled pipeline, one container for each step, with a MariaDB server."""

    def __init__(self, cluster: "Cluster", name: str) -> None:
        self.root = cluster.root
        self.name = name
        self._cluster = cluster

    def run(self, span: str, settings: Mapping[str, str]) -> tuple[dict[str, Any], str]:
        """Starts a run of the compiled pipeline with runtime parameters; see `Place.run`."""
        parameters = {key.rpartition(".")[2]: json.loads(value) for key, value in settings.items()}
        ended = self._cluster.run(span=span, **parameters)
        assert ended.succeeded == (ended.summary["exit_code"] == 0), ended
        return ended.summary, ended.message["message"]

    def roll_back(self, version: int) -> None:
        """Runs `regpipe rollback` in a container."""
        assert self._cluster.run_command("rollback", str(version), *ROLLBACK).exit_code == 0


@contextlib.contextmanager
def this_machine(root: Path) -> Iterator[Place]:
    """Yields the place for runs with the local runner under `root`."""
    with webhook() as listener, mock.patch.dict(os.environ, {URL_VARIABLE: listener.url}):
        yield ThisMachine(root, listener)


@contextlib.contextmanager
def containers() -> Iterator[Place]:
    """Yields the place for runs in containers; needs what tests/e2e/test_containers.py needs."""
    import docker

    from tests.e2e.cluster import MOUNT, cluster_of
    from tests.e2e.mariadb import mariadb

    user, password = "pipe", "not-in-any-file-77"
    with mariadb(user, password) as port:
        secrets = {USER_VARIABLE: user, PASSWORD_VARIABLE: password}
        settings = (f"kubeflow.metadata.port={port}", f"data.input={MOUNT}/{SPANS}", *SETTINGS)
        with cluster_of(settings, docker.from_env(), secrets) as cluster:
            yield Containers(cluster, MOUNT)


def _regpipe(*words: str) -> int:
    """Runs a command in this process without its output, and returns its exit code."""
    from pipeline_def.cli.main import main as regpipe

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return regpipe(words)


def versions(root: Path) -> list[int]:
    """Returns the published versions, oldest first; TF Serving would load the last one."""
    return sorted(int(path.name) for path in (root / "serving").glob("*") if path.name.isdecimal())


def newest_trained(root: Path) -> Path | None:
    """Returns the newest candidate, whether it was published or not."""
    found = sorted(
        (root / "artifacts" / "Trainer").glob("model/*/Format-Serving"), key=lambda x: int(x.parent.name)
    )
    return found[-1] if found else None


def log_loss(model: Path, frame: pd.DataFrame) -> float:
    """Returns the log loss of a published model on fresh rows, in nats."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    _, inputs = signature.structured_input_signature
    values = {name: tf.constant(frame[name].to_numpy(), spec.dtype) for name, spec in inputs.items()}
    (scores,) = signature(**values).values()
    positive = np.clip(scores.numpy().ravel().astype(np.float64), 1e-7, 1 - 1e-7)
    labels = frame[LABEL].to_numpy()
    return float(-np.mean(np.log(np.where(labels == 1, positive, 1 - positive))))


def simulate(nights: Sequence[int], place: Place, out: Path) -> None:
    """Runs the nights and writes a line of JSON for each; a night whose table is read again must be among them."""
    root = place.root
    first: Path | None = None
    with out.open("w") as file:
        for night in nights:
            plan = planned(night)
            write_table(night, root / "days")
            summary, message = place.run(day(plan.span or night), plan.settings)
            if plan.roll_back:
                place.roll_back(versions(root)[-2])
            version = max(versions(root), default=None)
            served = root / "serving" / str(version)
            first = first or served
            fresh = rows(night, FRESH_ROWS, seed=1_000 + night)
            newest = newest_trained(root)
            drift = summary["drift"] or {}
            line = {
                "night": night,
                "event": plan.event,
                "expected_code": plan.code,
                "expected_moved": plan.moved,
                "code": summary["exit_code"],
                "pushed": summary["pushed_version"],
                "already_published": summary["already_published"],
                "served": version,
                "drift": sorted(
                    {found["feature"] for part in drift.get("comparisons", ()) for found in part["findings"]}
                ),
                "reasons": summary["reasons"],
                "warnings": summary["warnings"],
                "held_back": summary["held_back"],
                "error": summary["error"],
                "served_outcome": (summary["served"] or {}).get("outcome"),
                "message": message,
                "log_loss": {
                    "regpipe": log_loss(served, fresh),
                    "newest": log_loss(newest, fresh) if newest else None,
                    "first": log_loss(first, fresh),
                },
            }  # fmt: skip
            text = json.dumps(line).replace(str(root), place.name)
            file.write(text + "\n")
            file.flush()
            print(text, flush=True)


def unexpected(lines: Sequence[dict[str, Any]]) -> list[int]:
    """Returns the nights that ended otherwise than planned."""
    return [
        line["night"]
        for line in lines
        if line["code"] != line["expected_code"]
        or (line["expected_moved"] is not None and bool(line["drift"]) != line["expected_moved"])
    ]


def outcome(line: dict[str, Any]) -> str:
    """Returns what regpipe did in a night, in short: each reason up to its first comma or colon."""
    if line["code"] == DATA_REFUSED:
        return "refused the data: " + re.split("[,:] ", line["message"].removeprefix("Data refused: "))[0]
    if line["reasons"]:
        return "not blessed: " + "; ".join(re.split("[,:] ", reason)[0] for reason in line["reasons"])
    did = "nothing new to publish" if line["already_published"] else "published"
    moved = f"; said that {', '.join(line['drift'])} has moved" if line["drift"] else ""
    # Nights of an earlier version of regpipe have no warnings.
    declined = any("of the served model (version " in warning for warning in line.get("warnings", ()))
    return (
        did
        + moved
        + ("; warned that the served model does clearly worse than in its card" if declined else "")
    )


def report(lines: Sequence[dict[str, Any]]) -> str:
    """Returns two Markdown tables: the log loss of the three ways, and the nights that are not ordinary."""
    losses = np.array([[line["log_loss"][way] for way in ("regpipe", "newest", "first")] for line in lines])
    text = [
        "| Log loss on fresh rows | regpipe | always the newest | never again |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, values in (
        (f"mean of {len(lines)} nights", losses.mean(axis=0)),
        ("worst night", losses.max(axis=0)),
    ):
        text.append(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |")
    text += ["", "| Night | What happened | Exit code | What regpipe did |", "| ---: | --- | ---: | --- |"]
    for line in lines:
        if line["event"] or outcome(line) != "published":
            event = line["event"] or "nothing"
            text.append(f"| {line['night']} | {event} | {line['code']} | {outcome(line)} |")
    return "\n".join([*text, "| others | nothing | 0 | published |"])


def differences(lines: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> str:
    """Returns what differs between the same nights at two places, one line for each.

    Not compared: the digits of numbers in sentences, and the roots. Versions are numbers of their time of publication,
    so their order is compared.
    """
    if [line["night"] for line in lines] != [line["night"] for line in others]:
        return "the nights differ"
    # By version, the first night in which it was served.
    order, other_order = (
        {line["served"]: line["night"] for line in reversed(places)} for places in (lines, others)
    )
    text = []
    for line, other in zip(lines, others, strict=True):
        for key in line:
            here, there = line[key], other[key]
            if key == "log_loss":
                continue
            if key == "pushed":
                here, there = bool(here), bool(there)
            elif key == "served":
                here, there = order[here], other_order[there]
            else:
                here, there = _words(here), _words(there)
            if here != there:
                text.append(f"night {line['night']}, {key}: {line[key]} | {other[key]}")
    losses, other_losses = (
        np.array([list(line["log_loss"].values()) for line in places], float) for places in (lines, others)
    )
    apart = np.abs(losses - other_losses).max()
    return "\n".join([*text, f"largest difference of a log loss on fresh rows: {apart:.1g}"])


def _words(value: Any) -> str:
    """Returns a value of a line as text without its roots and the digits of its decimal numbers."""
    text = re.sub(r"ROOT|/mnt/regpipe", "", json.dumps(value))
    return re.sub(r"[-+]?\d+\.\d+|\b1\d{9}\b", "#", text)


def read(path: Path) -> list[dict[str, Any]]:
    """Returns the nights of a file that `simulate` wrote."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def main() -> None:
    """Runs the nights, or shows the table of an earlier simulation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--nights",
        type=int,
        nargs="+",
        default=range(1, 31),
        metavar="N",
        help="which nights (default: 1 to 30)",
    )
    parser.add_argument(
        "--root", type=Path, help="an empty folder for the runs (default: a new one, removed)"
    )
    parser.add_argument("--out", type=Path, default=Path("nights.jsonl"), help="replaced")
    parser.add_argument(
        "--containers", action="store_true", help="run each step in a container (needs .ci/containers)"
    )
    parser.add_argument("--table", type=Path, help="show the table of this file, and run nothing")
    parser.add_argument("--beside", type=Path, help="show what differs in this file")
    args = parser.parse_args()
    if not args.table:
        with tempfile.TemporaryDirectory() as temporary:
            place = containers() if args.containers else this_machine(args.root or Path(temporary))
            with place as where:
                simulate(args.nights, where, args.out)
    lines = read(args.table or args.out)
    print(report(lines))
    print(f"nights that ended otherwise than expected: {unexpected(lines) or 'none'}")
    if args.beside:
        print(differences(lines, read(args.beside)))


if __name__ == "__main__":
    main()
