"""The recorded nights and what docs/benchmarks.md says of them."""

import copy
import re
from pathlib import Path

import numpy as np

from benchmarks.nights import differences, read, report, rows, unexpected

REPOSITORY = Path(__file__).parents[2]
LINES, CONTAINERS = (
    read(REPOSITORY / "benchmarks" / f"{name}.jsonl") for name in ("nights", "nights_in_containers")
)
SECTION = (
    (REPOSITORY / "docs" / "benchmarks.md").read_text("utf-8").split("## Thirty nights")[1].split("\n## ")[0]
)


def test_the_tables_are_those_that_the_script_prints() -> None:
    assert f"\n{report(LINES)}\n" in SECTION


def test_the_table_of_log_losses() -> None:
    """The mean and the worst of thirty nights, of the three ways to publish."""
    losses = np.array([[line["log_loss"][way] for way in ("regpipe", "newest", "first")] for line in LINES])
    assert losses.shape == (30, 3)
    for name, values in (("mean of 30 nights", losses.mean(axis=0)), ("worst night", losses.max(axis=0))):
        assert f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |" in SECTION


def test_the_exit_codes() -> None:
    """Each night with another code than 0, or with drift, has a row of its own."""
    codes = {
        int(night): int(code) for night, code in re.findall(r"^\| (\d+) \| [^|]+ \| (\d) ", SECTION, re.M)
    }
    assert {line["night"]: line["code"] for line in LINES if line["code"]} == {
        night: code for night, code in codes.items() if code
    }
    assert {line["night"] for line in LINES if line["drift"]} == {17}
    assert unexpected(LINES) == [6, 8, 14, 20]


def test_wrong_labels_and_a_model_that_is_only_worse_than_the_served_one() -> None:
    """Night 26 is published with a warning; night 30 is refused for one reason."""
    some_labels, slow = LINES[25], LINES[29]
    assert some_labels["pushed"] == some_labels["served"]
    (warning,) = some_labels["warnings"]
    assert warning.startswith("The log loss of the served model (version ")
    (reason,) = slow["reasons"]
    assert "worse than the served model's" in reason
    assert slow["log_loss"]["newest"] > slow["log_loss"]["regpipe"] + 0.05


def test_the_jump() -> None:
    """The mean of f2 moves by one standard deviation in night 17."""
    means = [rows(night, 20_000, seed=night)["f2"].mean() for night in (16, 17)]
    assert np.allclose(means, [0, 1], atol=0.03)


def test_the_nights_in_containers_are_those_of_this_machine() -> None:
    """The same decisions and sentences in each night, and models with the same log loss on fresh rows."""
    found = differences(LINES, CONTAINERS)
    assert f"\n{found}\n" in SECTION
    assert found.startswith("largest difference of a log loss")


def test_what_differs_between_two_places() -> None:
    """Numbers of versions and decimals may differ; decisions, sentences, and which version is served, may not."""
    others = copy.deepcopy(LINES)
    for line in others:
        for key in ("pushed", "served"):
            line[key] = line[key] and line[key] + 1_000
        line["message"] = line["message"].replace("0.4", "0.5")
        line["log_loss"]["regpipe"] += 0.5
    assert differences(LINES, others) == "largest difference of a log loss on fresh rows: 0.5"
    others[2] |= {"code": 4, "reasons": ["the AUC is 0.5"], "pushed": None, "served": others[1]["served"]}
    assert differences(LINES, others).splitlines()[:4] == [
        "night 3, code: 0 | 4",
        f"night 3, pushed: {LINES[2]['pushed']} | None",
        f"night 3, served: {LINES[2]['served']} | {others[1]['served']}",
        "night 3, reasons: [] | ['the AUC is 0.5']",
    ]
    assert differences(LINES, others[1:]) == "the nights differ"
