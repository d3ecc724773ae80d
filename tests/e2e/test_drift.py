"""Spans on one root: steady, one feature that moves, one column that becomes text; warned of, refused, and left out."""

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest

from pipeline_def.cli.main import main

Run: TypeAlias = Any  # of conftest.py
ROWS = 1_500
SETTINGS = (
    "data.label=y", "model.l1=0.0001", "model.l2=0.001", "model.dropout=0", "evaluation.mode=point",
    "evaluation.served=off",
)  # fmt: skip


def table(span: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(span)
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    frame["y"] = (frame["a"] + random.normal(size=ROWS) > 0).astype(int)
    frame["b"] += shift
    return frame


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days: the first two of one distribution, b shifted by half a deviation, and b as text."""
    folder = tmp_path_factory.mktemp("days")
    text = table(4)
    text["b"] = "x" + text["b"].astype(str)
    for span, frame in enumerate((table(1), table(2), table(3, 0.5), text), start=1):
        (folder / f"span-{span}").mkdir()
        frame.to_csv(folder / f"span-{span}" / "rows.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def day(run: Run, days: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`day(3, "data.drift=refuse")`: the run of a day under the one root; `until` is its last step."""
    root = tmp_path_factory.mktemp("drift")

    def day(span: int, *overrides: str, until: str | None = None) -> Any:
        settings = (f"data.input={days}/span-{{SPAN}}/*.csv", f"data.span={span}", *SETTINGS, *overrides)
        words = [word for setting in settings for word in ("--set", setting)]
        return run(root, *run.quick, *words, *(("--to-step", until) if until else ()))

    day.root = root  # type: ignore[attr-defined]
    return day


def test_days_in_a_row(run: Run, day: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first has no reference, a repeated one is cached, a steady one is quiet, a shift is named or refused."""
    first = day(1)
    assert (first.code, first.summary["status"]) == (0, "pushed")
    assert first.summary["drift"]["comparisons"] == []
    assert len(first.summary["drift"]["notes"]) == 2
    again = day(1)
    ran = [step["name"] for step in again.summary["steps"] if not step["cached"]]
    assert (again.code, ran) == (0, ["Pusher", "Report"])
    assert again.summary["drift"] == first.summary["drift"]

    steady = day(2)
    (comparison,) = steady.summary["drift"]["comparisons"]
    version = first.summary["pushed_version"]
    assert comparison["name"] == f"the training data of version {version} (span 1)"
    assert (steady.code, steady.summary["drift"]["moved"]) == (0, 0)

    # The table that the served model was not trained on, before a run sees it.
    table(3, 0.5).drop(columns="y").to_csv(tmp_path / "scoring.csv", index=False)
    for predicted in (False, True):
        name = str(tmp_path / ("scored.csv" if predicted else "scoring.csv"))
        if predicted:  # what `regpipe predict` wrote is a valid input
            assert main(["predict", str(tmp_path / "scoring.csv"), "-o", name, "--root", str(day.root)]) == 0
        capsys.readouterr()
        assert main(["drift", name, "--root", str(day.root), "--json"]) == 3
        (comparison,) = json.loads(capsys.readouterr().out)["comparisons"]
        assert [finding["feature"] for finding in comparison["findings"]] == ["b"]

    refused = day(3, "data.drift=refuse")
    assert (refused.code, refused.summary["status"]) == (3, "data_refused")
    assert refused.summary["steps"][-1]["name"] == "DriftGate"
    (found,) = refused.summary["drift"]["comparisons"][0]["findings"]
    assert (found["feature"], found["measure"]) == ("b", "ks")
    assert "Kolmogorov-Smirnov distance" in refused.summary["error"]
    warned = day(3)
    assert (warned.code, warned.summary["drift"]["moved"]) == (0, 1)
    page = Path(warned.summary["report_path"]).read_text(encoding="utf-8")
    assert 'data-chart="drift-served-0"' in page
    off = day(3, "data.drift=off", until="DriftGate")
    assert off.summary["drift"] == {"mode": "off", "moved": 0, "comparisons": [], "notes": []}

    text = day(4)
    assert (text.code, text.summary["status"]) == (3, "data_refused")
    assert "\nb       a feature of numbers  text, or too few numbers\n" in text.summary["error"]
    assert day(4, "data.ignore=[b]", until="DriftGate").code == 0
    # The schema of the refused run, checked by a person, counts from then on.
    schema = tmp_path / "schema.pbtxt"
    assert main(["schema", "freeze", "--root", str(day.root), "-o", str(schema)]) == 0
    assert day(4, f"data.schema_file={schema}", until="DriftGate").code == 0
    assert (
        day(2, f"data.schema_file={schema}", until="DriftGate").code == 3
    )  # It has a column more than the schema.
