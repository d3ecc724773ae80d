"""Creates the last sections: the configuration, and the steps, artifacts, libraries and code of the run."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from components.common.formatting import duration, named_values, plural
from components.report.blocks import Block, PreformattedBlock, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts

NOT_SET = "(not set)"


def configuration(run: RunArtifacts) -> Section:
    """Returns the section with every configuration key and its value."""
    rows = tuple(_keys(run.config))
    if not rows:
        return Section(
            "configuration", "Configuration", (TextBlock("The configuration is missing.", "quiet"),)
        )
    table = TableBlock("Every key of this run's configuration", ("key", "value"), rows, text_columns=(1,))
    return Section("configuration", "Configuration", (*_tuned(run), table))


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
        return Section("lineage", "Lineage", (TextBlock(missing, "quiet"),))
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
    return Section("lineage", "Lineage", tuple(blocks))


def _table(caption: str, headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> TableBlock:
    return TableBlock(caption, headers, tuple(rows), text_columns=(1,))


def _artifacts(artifacts: Sequence[Json]) -> TableBlock:
    rows = tuple((f"{a['step']}, {a['output']}", a["type"], str(a["id"]), a["uri"]) for a in artifacts)
    headers = ("step and output", "type", "ID", "URI")
    summary = f"Artifacts: {plural(len(rows), 'artifact')}"
    return TableBlock("Artifacts", headers, rows, summary=summary, text_columns=(1, 3))


def _run(facts: Json) -> str:
    steps = facts.get("steps", ())
    cached = sum(step["state"] == "cached" for step in steps)
    started = f", started {facts['started']}" if facts.get("started") else ""
    return (
        f"Run {facts.get('run_id', 'unknown')}{started}: {plural(len(steps), 'step')} before this one, "
        f"{cached} from the cache."
    )
