"""The runs in docs/verdict.md end as the page says, and print what it shows, apart from the digits of the numbers."""

import re
import shlex
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Any  # of conftest.py
PAGE = Path(__file__).parents[2] / "docs" / "verdict.md"
WORSE_THAN_SERVED = "Worse than the served model"
CODES = {
    "Clearly better": 0,
    "No clear difference": 0,
    "Clearly worse": 4,
    "Too few positives": 4,
    "Worse only in a slice": 4,
    "With an operating point": 0,
    WORSE_THAN_SERVED: 4,
}


def examples() -> dict[str, tuple[list[str], str]]:
    """Returns by heading the arguments of `regpipe run`, and the output on the page."""
    found = re.findall(
        r"^### (.+?)\n\n.*?^```console\n\$ regpipe run ?(.*?)\n(.*?)```",
        PAGE.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return {heading: (shlex.split(options), output) for heading, options, output in found}


def without_digits(text: str) -> list[str]:
    """Returns the words; a number is #, with its sign, and an id of a run is RUN."""
    text = re.sub(r"\d{8}T\d+\.\d+Z", "RUN", text)
    return re.sub(r"\d+(\.\d+)?(e-\d+)?", "#", text).split()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All examples share a root: a step that an example does not change comes from the cache."""
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize("heading", CODES)
def test_an_example_ends_as_the_page_says(run: Run, root: Path, heading: str) -> None:
    """Each block of the page is in the output, in this order. The examples share a root, and its cache."""
    options, shown = examples()[heading]
    # In the last example, the model of the first one is served.
    serving = "Clearly better" if heading == WORSE_THAN_SERVED else heading
    serving_directory = shlex.quote(f"serving.directory={root / serving}")
    done = run(root, *options, "--set", f"serving.directory={root / serving}")
    assert done.code == CODES[heading], done.verdict
    # The page shows what is printed with the default root, and without the option that this test adds.
    commands = done.verdict.replace(f" --root {root}", "").replace(f" --set {serving_directory}", "")
    printed = " ".join(without_digits(commands))
    for block in shown.split("\n\n"):
        words = " ".join(without_digits(block))
        assert words in printed
        printed = printed[printed.index(words) + len(words) :]


def test_every_example_is_tested() -> None:
    """A new one needs its exit code here."""
    assert list(examples()) == list(CODES)
