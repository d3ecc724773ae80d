"""Medians, ratios and the fitted line of seconds against rows."""

import json
from pathlib import Path

import pytest

from benchmarks.results import REST, growth, read
from benchmarks.tables import growth_table, ratio, rounded, size_table, turns


def run(peer: str, rows: int, turn: int, seconds: float, **steps: float) -> str:
    usage = {"seconds": seconds, "peak_mib": 900.0, "load_before": 0.0, "memory": [[0.0, 0], [1.0, 900]]}
    peaks = dict.fromkeys(steps, 800.0)
    return json.dumps(
        {"rows": rows, "turn": turn, "peer": peer, "steps": steps, "step_peaks": peaks, "usage": usage}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = [
        json.dumps({"machine": {"cores": "2"}, "epochs": 15}),
        *(run("regpipe", 1_000, turn, whole, Trainer=2.0) for turn, whole in enumerate([9.0, 10.0, 30.0], 1)),
        run("stock TFX", 1_000, 1, 40.0, Trainer=6.0),
        run("regpipe", 1_000_000, 1, 110.0, Trainer=52.0),
    ]
    path = tmp_path / "results.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_medians_by_peer_and_size(file: Path) -> None:
    """One slow run of three has no effect; a value that was not measured is None."""
    results = read(file)
    assert (results.machine, results.epochs, results.sizes) == ({"cores": "2"}, 15, [1_000, 1_000_000])
    assert results.seconds("regpipe", 1_000) == 10.0
    assert results.seconds("regpipe", 1_000, "Trainer") == 2.0
    assert results.seconds("regpipe", 1_000, REST) == 8.0
    assert results.seconds("regpipe", 1_000, "Report") is None
    assert results.seconds("stock TFX", 1_000_000) is None
    assert results.peak("regpipe", 1_000, "Trainer") == 800.0


def test_the_number_of_runs(file: Path) -> None:
    """A program with a different number of runs is named."""
    results = read(file)
    assert turns(results, 1_000) == "medians of 3 (stock TFX: 1, bare Keras: none, regpipe, cached: none)"
    with file.open("a") as lines:
        for peer in ("regpipe, cached", "bare Keras", "stock TFX"):
            lines.write(run(peer, 1_000_000, 1, 9.0) + "\n")
    assert turns(read(file), 1_000_000) == "medians of 1"


def test_a_missing_file_has_no_results(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl").runs == []


def test_a_straight_line_is_found() -> None:
    """3 fixed seconds and 50 s per million rows, for any sizes."""
    line = growth([1_000, 200_000, 1_000_000], [3.05, 13.0, 53.0])
    assert (line.start, line.per_million) == pytest.approx((3.0, 50.0))
    assert line.deviation == pytest.approx(0.0, abs=1e-9)


def test_the_largest_deviation_from_the_line() -> None:
    """(0, 1), (1, 2), (2, 4), by hand: the normal equations with the weights 1, 1/4 and 1/16."""
    line = growth([0, 1_000_000, 2_000_000], [1.0, 2.0, 4.0])
    # 1.3125 a + 0.375 b = 1.75 and 0.375 a + 0.5 b = 1; the line then gives 74/33 where 2 was measured.
    assert (line.start, line.per_million, line.deviation) == pytest.approx((32 / 33, 42 / 33, 4 / 33))


def test_the_tables_contain_the_measurements(file: Path) -> None:
    results = read(file)
    table = size_table(results, 1_000)
    assert "| Trainer | 6.00 | 2.00 | 3.0x | 500 | 800 |" in table
    assert "| seconds | 40.0 | - | 10.0 | - | 4.0x | - |" in table
    # 2 s at 1,000 rows, 52 s at a million: 50 s for 999,000 rows.
    assert "| Trainer | 1.95 | 50.1 | 0% |" in growth_table(results)
    assert "ServedModel" not in table  # each step that was measured, and no other
    with file.open("a") as lines:
        lines.write(run("regpipe", 1_000_000, 2, 110.0, ServedModel=0.5) + "\n")
    assert "| ServedModel | - | 0.50 | - | 2,000,000 | 800 |" in size_table(read(file), 1_000_000)


@pytest.mark.parametrize(
    ("left", "right", "text"), [(6.0, 2.0, "3.0x"), (None, 2.0, "-"), (2.0, None, "-"), (1.0, 0.0, "-")]
)
def test_ratio(left: float | None, right: float | None, text: str) -> None:
    assert ratio(left, right) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.034, "0.03"), (12.34, "12.3"), (1234.5, "1,234"), (-0.5, "-0.50")],
)
def test_rounded(value: float | None, text: str) -> None:
    assert rounded(value) == text
