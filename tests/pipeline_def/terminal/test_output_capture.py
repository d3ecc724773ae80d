"""The terminal, while the output of the process goes to a log."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_text_that_the_terminal_cannot_encode(tmp_path: Path) -> None:
    """It is escaped, as on the terminal of other commands: a column name must not end the run."""
    code = (
        "import sys; from pathlib import Path; from pipeline_def.terminal.output_capture import OutputCapture\n"
        "with OutputCapture(Path(sys.argv[1])) as capture: capture.terminal.write('Größe \\u0394\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "log"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, "Gr\\xf6\\xdfe \\u0394\n")
