"""docs/records.md documents exactly the keys of the records, which of them may be null, and real examples."""

import itertools
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from pydantic import BaseModel

from components.common.drift_record import DriftRecord
from components.common.verdict_record import Verdict
from pipeline_def.notification.run_event import RunEvent
from pipeline_def.runs.summary import EXIT_CODES, Summary

PAGE = (Path(__file__).parents[3] / "docs" / "records.md").read_text("utf-8")
RECORDS: dict[str, type[BaseModel]] = {
    "summary.json": Summary,
    "verdict.json": Verdict,
    "drift.json": DriftRecord,
    "The notification": RunEvent,
}

# In JSON, the entries of these mappings are beside the other keys of their record.
FLAT = ("by_metric",)


def section(record: str) -> str:
    """The part of the page on one file."""
    return PAGE.partition(f"\n## {record}\n")[2].partition("\n## ")[0]


def expanded(key: str) -> Iterator[str]:
    """Yields "a.c" and "b.c" for "{a,b}.c"."""
    parts = re.split(r"\{([^}]*)\}", key)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    yield from ("".join(choice) for choice in itertools.product(*choices))


def documented(record: str) -> dict[str, bool]:
    """Each key in the tables of a section, and whether the table has a condition under which it is null."""
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\|[^|]*\|([^|]*)\|$", section(record), re.MULTILINE)
    return {key: bool(condition.strip()) for keys, condition in rows for key in expanded(keys)}


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yields each key of a model with the path to it, and whether it may be null.

    The path has [] after a list, and <name> for the names in a mapping of records.
    """
    for name, field in model.model_fields.items():
        if name in FLAT:
            yield from _keys_of_type(f"{prefix}<name>", typing.get_args(field.annotation)[1])
        else:
            yield from _keys_of_type(f"{prefix}{name}", field.annotation)


def _keys_of_type(path: str, annotation: Any) -> Iterator[tuple[str, bool]]:
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    options = typing.get_args(annotation)
    nullable = NoneType in options
    if nullable:
        (annotation,) = (option for option in options if option is not NoneType)
    yield path, nullable
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is dict and _is_record(inner[1]):
        yield from keys_of(inner[1], f"{path}.<name>.")
    elif origin is tuple and _is_record(inner[0]):
        yield from keys_of(inner[0], f"{path}[].")
    elif _is_record(annotation):
        yield from keys_of(annotation, f"{path}.")


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


@pytest.mark.parametrize("record", RECORDS)
def test_the_page_has_all_keys_and_no_others(record: str) -> None:
    """A key that is added to a record, removed or renamed must be changed on the page, too."""
    expected = dict(keys_of(RECORDS[record]))
    assert len(expected) > 10
    assert documented(record).keys() == expected.keys()


@pytest.mark.parametrize("record", RECORDS)
def test_the_page_has_a_condition_for_each_key_that_may_be_null(record: str) -> None:
    """The last column is empty for keys that are never null."""
    assert documented(record) == dict(keys_of(RECORDS[record]))


@pytest.mark.parametrize("record", RECORDS)
def test_the_example_is_a_valid_record(record: str) -> None:
    """It has all keys of the first level, and the current format version."""
    (text,) = re.findall(r"^```json\n(.*?)^```$", section(record), re.MULTILINE | re.DOTALL)
    content = json.loads(text)
    RECORDS[record].model_validate(content)
    assert content.keys() == RECORDS[record].model_fields.keys()
    assert content["format_version"] == RECORDS[record].model_fields["format_version"].default


def test_the_page_has_the_exit_code_of_each_status() -> None:
    """As `regpipe run` returns them."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert {status: int(code) for status, code in rows} == EXIT_CODES
