"""data/sample.csv is what data/README.md says it is."""

import os
import re
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parents[2] / "data"


def test_the_recipe_in_the_readme_makes_the_sample(tmp_path: Path) -> None:
    """The code in data/README.md, run as it stands there, writes data/sample.csv to the byte."""
    (recipe,) = re.findall(r"```python\n(.*?)```", (DATA / "README.md").read_text(), re.DOTALL)
    (tmp_path / "data").mkdir()
    subprocess.run(
        [sys.executable, "-c", recipe], cwd=tmp_path, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert (tmp_path / "data" / "sample.csv").read_bytes() == (DATA / "sample.csv").read_bytes()


def test_the_sample_has_the_shape_that_is_claimed() -> None:
    """1,000 rows of 20 numbers and a label, half of the rows of each class, give or take what the coin did."""
    header, *rows = (DATA / "sample.csv").read_text().splitlines()
    assert header.split(",") == [*(f"f{number}" for number in range(20)), "label"]
    assert len(rows) == 1_000
    table = [[float(cell) for cell in row.split(",")] for row in rows]
    assert {len(row) for row in table} == {21}
    assert {row[-1] for row in table} == {0.0, 1.0}
    assert 450 < sum(row[-1] for row in table) < 550
