"""Tables as people bring them: `regpipe init` reads them, or names the key that helps."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import DataRefused
from components.config.data import DataConfig
from components.example_gen.table import find_table
from pipeline_def.cli.main import main
from pipeline_def.config.load import load_config

ROWS = [(f"{n}.5", f"{n * 7 % 11}", f"{n % 2}") for n in range(40)]


def table(*rows: tuple[str, ...], delimiter: str = ",", header: str = "a,b,label") -> str:
    lines = [header.replace(",", delimiter)] if header else []
    return "\n".join([*lines, *(delimiter.join(row) for row in rows)]) + "\n"


def init(source: Path) -> int:
    output = source.parent / "p.yaml"
    return main(["init", "--data", str(source), "--label", "label", "-o", str(output)])


READ: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "mixed cells": (
        table(*((a, f"A/5 {b}" if int(b) % 3 == 0 else b, y) for a, b, y in ROWS)), ("a",), {"ignore": ("b",)}
    ),
    "question marks": (table(*((a, "?" if b == "0" else b, y) for a, b, y in ROWS)), ("a", "b"), {}),
    "true and false": (
        table(*((a, "True" if int(b) > 5 else "False", y) for a, b, y in ROWS)), ("a", "b"), {}
    ),
    "decimal comma": (
        table(*((a.replace(".", ","), b, y) for a, b, y in ROWS), delimiter=";"), ("a", "b"), {"decimal": ","}
    ),
    "trailing delimiter": (table(*((*row, "") for row in ROWS)), ("a", "b"), {}),
    "JSON lines": (
        "".join(json.dumps({"a": float(a), "b": int(b), "label": int(y)}) + "\n" for a, b, y in ROWS), ("a", "b"), {}
    ),
    "an empty column": (table(*((a, "", y) for a, _, y in ROWS)), ("a",), {"ignore": ("b",)}),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_init_writes_a_configuration_that_a_run_reads_in_the_same_way(name: str, tmp_path: Path) -> None:
    content, features, keys = READ[name]
    source = tmp_path / "t.dat"
    source.write_text(content)
    assert init(source) == 0
    config = load_config(tmp_path / "p.yaml").data
    assert {key: getattr(config, key) for key in keys} == keys
    assert find_table(config).features == features


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "no header": (table(*ROWS, header=""), "set data.header to false"),
    "three numbers that are no codes": (
        table(*((a, b, f"{n % 3 * 2}") for n, (a, b, _) in enumerate(ROWS))),
        "more than two values, 3 whole numbers, such as 0, 2, 4",
    ),
    "all text": (
        table(*(("x", "y z", y) for _, _, y in ROWS)), "found only columns without numbers: 'a', 'b'."
    ),
    "comment lines": (f"# exported\n{table(*ROWS)}", "set data.comment to '#'"),
    "Cyrillic": (table(*ROWS, header="имя,b,label").encode("cp1251"), "set data.encoding"),
    "one more field": (table(*((*row, "7") for row in ROWS)), "as many fields as the header, 3, found rows with 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_init_refuses_what_a_run_refuses_and_names_the_way_out(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = REFUSED[name]
    source = tmp_path / "t.csv"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    assert init(source) == 3
    assert message in capsys.readouterr().err
    assert not (tmp_path / "p.yaml").exists()


def test_a_zip_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "t.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("t.csv", table(*ROWS))
    assert init(source) == 3
    assert "found a zip archive; unpack it" in capsys.readouterr().err


def test_an_encoding_is_a_guess_of_init_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file and the terminal say so, with a word of the table; a run without the file names the key instead."""
    source = tmp_path / "t.csv"
    source.write_bytes(table(*ROWS, header="größe,b,label").encode("latin-1"))
    with pytest.raises(DataRefused, match=r"set data\.encoding"):
        find_table(DataConfig(input=str(source)))
    assert init(source) == 0
    assert (
        "encoding  latin-1, which is a guess (it reads 'größe'): see data.encoding" in capsys.readouterr().out
    )
    text = " ".join((tmp_path / "p.yaml").read_text().replace("#", "").split())
    assert "A guess, because the text is not UTF-8; it reads 'größe': correct it if it is wrong." in text
    config = load_config(tmp_path / "p.yaml").data
    assert config.encoding == "latin-1"
    assert find_table(config).features == ("größe", "b")
