"""Creates the last sections: the configuration, and the steps, artifacts, libraries and code of the run."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any

from components.common.formatting import duration, named_values, plural
from components.report.blocks import Block, PreformattedBlock, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts

NOT_SET = "(not set)"


def configuration(run: RunArtifacts) -> Section:
    """Returns the section with every configuration key, its value and, where that differs from it, its default."""
    title = "Configuration"
    values = dict(_keys(run.config))
    if not values:
        text = "The configuration is missing."
        return Section("configuration", title, (TextBlock(text, "quiet"),), "missing")
    caption = "Every key of this run's configuration"
    table = TableBlock(caption, ("key", "value"), tuple(values.items()), text_columns=(1,))
    summary = plural(len(values), "key")
    if not run.facts.get("defaults"):
        return Section("configuration", title, (*_tuned(run), table), summary)
    differing = {key: default for key, default, _ in changed_keys(run.facts["defaults"], run.config)}
    headers = ("key", "value", "default")
    changed = TableBlock(
        "Keys that differ from their defaults",
        headers,
        tuple((key, values.get(key, NOT_SET), default) for key, default in differing.items()),
        text_columns=(1, 2),
    )
    marked = dataclasses.replace(
        table,
        headers=headers,
        rows=tuple(
            (key, value, f"differs: {differing[key]}" if key in differing else "")
            for key, value in values.items()
        ),
        summary=f"{caption}: {summary}",
        text_columns=(1, 2),
    )
    differ = plural(len(differing), "key differs from its default", "keys differ from their defaults")
    return Section("configuration", title, (*_tuned(run), changed, marked), differ)


def changed_keys(before: Json, now: Json) -> Iterator[tuple[str, str, str]]:
    """Yields the dotted keys whose values differ between two configurations, with both values as text."""
    old, new = dict(_keys(before)), dict(_keys(now))
    for key in {**new, **old}:
        values = old.get(key, NOT_SET), new.get(key, NOT_SET)
        if values[0] != values[1]:
            yield key, *values


def _tuned(run: RunArtifacts) -> Iterator[Block]:
    if tuned := run.candidate.tuned:
        yield TextBlock(f"The Tuner chose the strengths: {named_values(tuned)}.")


def _keys(config: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _value(value)


def _value(value: Any) -> str:
    if value is None:
        return NOT_SET
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value) or "(none)"
    return repr(value) if value == "" or (isinstance(value, str) and value != value.strip()) else str(value)


def lineage(run: RunArtifacts) -> Section:
    """Returns the section on the run: its steps, artifacts, library versions and code digests, and the verdict."""
    facts = run.facts
    if not facts:
        missing = "The record of this run is missing: its ID, its steps and their artifacts."
        return Section("lineage", "Lineage", (TextBlock(missing, "quiet"),), "missing")
    blocks: list[Block] = [TextBlock(_run(facts))]
    if steps := facts.get("steps"):
        rows = [(step["name"], step["state"], duration(step["seconds"])) for step in steps]
        blocks.append(_table("Steps before this one", ("step", "state", "duration"), rows))
    if artifacts := facts.get("artifacts"):
        blocks.append(_artifacts(artifacts))
    if versions := facts.get("versions"):
        blocks.append(_table("Library versions", ("library", "version"), sorted(versions.items())))
    if code := facts.get("code"):
        blocks.append(_table("Code of the steps", ("step", "digest"), list(code.items())))
    if run.verdict is not None:
        verdict = json.dumps(run.verdict.without_curves(), indent=2, ensure_ascii=False)
        blocks.append(PreformattedBlock("The verdict as the Evaluator wrote it (JSON)", verdict))
    return Section("lineage", "Lineage", tuple(blocks), _steps_and_cached(facts))


def _table(caption: str, headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> TableBlock:
    return TableBlock(caption, headers, tuple(rows), text_columns=(1,))


def _artifacts(artifacts: Sequence[Json]) -> TableBlock:
    rows = tuple((f"{a['step']}, {a['output']}", a["type"], str(a["id"]), a["uri"]) for a in artifacts)
    headers = ("step and output", "type", "ID", "URI")
    summary = f"Artifacts: {plural(len(rows), 'artifact')}"
    return TableBlock("Artifacts", headers, rows, summary=summary, text_columns=(1, 3))


def _run(facts: Json) -> str:
    started = f", started {facts['started']}" if facts.get("started") else ""
    return f"Run {facts.get('run_id', 'unknown')}{started}: {_steps_and_cached(facts)}."


def _steps_and_cached(facts: Json) -> str:
    steps = facts.get("steps", ())
    cached = sum(step["state"] == "cached" for step in steps)
    return f"{plural(len(steps), 'step')} before this one, {cached} from the cache"
