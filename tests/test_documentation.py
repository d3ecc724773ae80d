"""README.md, docs/ and the other pages: links lead somewhere, commands parse, settings load."""

import re
import shlex
from pathlib import Path

import pytest

from pipeline_def.cli.main import make_parser
from pipeline_def.config.load import load_config

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for pattern in ("*.md", "docs/*.md", "data/*.md", "benchmarks/*.md") for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Placeholders in the text, and values that a parser takes in their place.
PLACEHOLDERS = {"GROUP": "data", "PATH": "path", "TABLE": "table.csv"}


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(text_of(page)) if found == language]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text_of(page)), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings
    }


def commands(page: Path) -> list[str]:
    """Every complete `regpipe` command of a page, without its comment; those with `...` are left out."""
    lines = [
        line.strip()
        for language in ("", "sh", "bash")
        for text in blocks(page, language)
        for line in text.replace("\\\n", " ").splitlines()
    ]
    inline = re.findall(r"`([^`\n]+)`", BLOCK.sub("", text_of(page)))
    found = [line.removeprefix("uv run ") for line in lines + inline]
    return sorted({line.partition(" #")[0] for line in found if re.match(r"regpipe [a-z]", line)})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file or folder that exists; an anchor names a heading of its page."""
    for link in LINK.findall(BLOCK.sub("", text_of(page))):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.relative_to(ROOT)}: {link}: no such file"
        assert not anchor or anchor in anchors(target), f"{page.relative_to(ROOT)}: {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path) -> None:
    """Every `regpipe` command is one that the command line accepts."""
    for command in commands(page):
        arguments = [PLACEHOLDERS.get(word, word) for word in shlex.split(command.replace("...", "x"))[1:]]
        if len(arguments) == 1:  # the name of a command, which may need arguments
            arguments.append("--help")
        assert exit_code(arguments) == 0, f"{page.relative_to(ROOT)}: {command}"


def exit_code(arguments: list[str]) -> object:
    """0 if the command line accepts the arguments, otherwise the code with which it would exit."""
    try:
        return 0 if hasattr(make_parser().parse_args(arguments), "command") else 2
    except SystemExit as end:  # 0 for --help
        return end.code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_load(page: Path, tmp_path: Path) -> None:
    """Every YAML block is a configuration: unknown keys, wrong types and impossible values are refused."""
    for number, text in enumerate(blocks(page, "yaml")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text, "utf-8")
        load_config(file, [])


def test_the_pages_have_commands_and_settings() -> None:
    """The tests above find something to check."""
    assert sum(len(commands(page)) for page in PAGES) >= 40
    assert sum(len(blocks(page, "yaml")) for page in PAGES) >= 6
    assert sum(len(LINK.findall(text_of(page))) for page in PAGES) >= 80
