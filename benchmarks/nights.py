"""Simulates thirty scheduled nights on one root, and scores what is served each morning.

uv run python -m benchmarks.nights --out nights.jsonl
uv run python -m benchmarks.nights --table nights.jsonl

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
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

FEATURES = tuple(f"f{index}" for index in range(8))
LABEL = "label"
ROWS, FRESH_ROWS = 2_000, 10_000
FIRST_DAY = datetime.date(2026, 3, 1)
JUMP = 17
# Radians a night by which the weights of the first two features turn: 1.1 degrees.
TURN = 0.02
DATA_REFUSED = 3  # the exit code
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
        settings: keys that this night's run differs in.
        span: the night whose table is read; None: its own.
        roll_back: whether a person rolls back to the version before, after the run.
    """

    event: str = ""
    code: int = 0
    moved: bool | None = False
    settings: tuple[str, ...] = ()
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
    24: Night(SHORT, code=4, settings=("training.epochs=1",)),
    26: Night(SOME_LABELS),
    # Candidate and baseline are both far from the minimum: as good as its twin, and worse than the served model.
    30: Night(
        SLOW, code=4, settings=("training.learning_rate=0.0001", "model.l1=0.00001", "model.l2=0.0001")
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


@contextlib.contextmanager
def receiver() -> Iterator[list[Any]]:
    """Yields the events that are posted to the URL in REGPIPE_NOTIFY_URL, which it sets."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    os.environ["REGPIPE_NOTIFY_URL"] = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield received
    finally:
        del os.environ["REGPIPE_NOTIFY_URL"]
        server.shutdown()
        server.server_close()


def run_night(night: int, root: Path, days: Path) -> dict[str, Any]:
    """Runs a night as a schedule does, in this process; returns the summary."""
    from pipeline_def.cli.main import main as regpipe

    plan = planned(night)
    settings = (
        f"data.input={days}/day-{{SPAN}}/*.csv", f"data.span={day(plan.span or night)}", *SETTINGS, *plan.settings,
    )  # fmt: skip
    words = [word for setting in settings for word in ("--set", setting)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = regpipe(["run", "--root", str(root), "--json", *words])
    (folder,) = sorted((root / "runs").glob("*/summary.json"))[-1:]
    summary: dict[str, Any] = json.loads(folder.read_text())
    assert summary["exit_code"] == code, summary
    return summary


def served_version(root: Path) -> int | None:
    """Returns the version that TF Serving would load."""
    return max(
        (int(path.name) for path in (root / "serving").glob("*") if path.name.isdecimal()), default=None
    )


def roll_back(root: Path) -> None:
    """Publishes the version before the served one again, as a person does."""
    from pipeline_def.cli.main import main as regpipe

    version = sorted(int(path.name) for path in (root / "serving").glob("*") if path.name.isdecimal())[-2]
    with contextlib.redirect_stdout(io.StringIO()):
        code = regpipe(
            ["rollback", str(version), "--root", str(root), "--by", "ann", "--reason", "wrong labels"]
        )
    assert code == 0


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


def simulate(nights: Sequence[int], root: Path, out: Path) -> None:
    """Runs the nights and writes a line of JSON for each; a night whose table is read again must be among them."""
    days = root / "days"
    first: Path | None = None
    with receiver() as events, out.open("w") as file:
        for night in nights:
            plan = planned(night)
            write_table(night, days)
            summary = run_night(night, root, days)
            if plan.roll_back:
                roll_back(root)
            version = served_version(root)
            served = root / "serving" / str(version)
            first = first or served
            fresh = rows(night, FRESH_ROWS, seed=1_000 + night)
            newest = newest_trained(root)
            drift = summary["drift"] or {}
            (message,) = (e["data"]["message"] for e in events if e["data"]["run_id"] == summary["run_id"])
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
            text = json.dumps(line).replace(str(root), "ROOT")  # no path of this machine is recorded
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
    parser.add_argument("--table", type=Path, help="show the table of this file, and run nothing")
    args = parser.parse_args()
    if not args.table:
        with tempfile.TemporaryDirectory() as temporary:
            simulate(args.nights, args.root or Path(temporary), args.out)
    lines = [json.loads(line) for line in (args.table or args.out).read_text().splitlines()]
    print(report(lines))
    print(f"nights that ended otherwise than expected: {unexpected(lines) or 'none'}")


if __name__ == "__main__":
    main()
