"""The last sections: the configuration as it was, and what was made by what, when, with which code."""

import json
from collections.abc import Iterator
from typing import Any

from components.common.formatting import duration, named_values, plural
from components.report.blocks import Block, PreformattedBlock, Section, TableBlock, TextBlock
from components.report.run_artifacts import Json, RunArtifacts

NOT_SET = "(not set)"


def configuration(run: RunArtifacts) -> Section:
    """Every key with its value."""
    rows = tuple(_keys(run.config))
    if not rows:
        return Section(
            "configuration", "Configuration", (TextBlock("No configuration was handed in.", "quiet"),)
        )
    table = TableBlock("Every key as it was in this run", ("key", "value"), rows, text_columns=(1,))
    return Section("configuration", "Configuration", (*_tuned(run), table))


def _tuned(run: RunArtifacts) -> Iterator[Block]:
    if tuned := run.candidate.tuned:
        yield TextBlock(f"The Tuner's values took the place of the configured ones: {named_values(tuned)}.")


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
    """The run, its steps, its artifacts, the libraries and the code."""
    facts = run.facts
    if not facts:
        words = "The facts about this run itself were not handed in: its id, its steps and their artifacts."
        return Section("lineage", "Lineage", (TextBlock(words, "quiet"),))
    blocks: list[Block] = [TextBlock(_run(facts))]
    rows: tuple[tuple[str, ...], ...]
    if steps := facts.get("steps"):
        rows = tuple((s["name"], s["state"], duration(s["seconds"])) for s in steps)
        blocks.append(
            TableBlock("The steps before this one", ("step", "state", "took"), rows, text_columns=(1,))
        )
    if artifacts := facts.get("artifacts"):
        rows = tuple((f"{a['step']}, {a['output']}", a["type"], str(a["id"]), a["uri"]) for a in artifacts)
        heads = ("made by", "type", "id", "where")
        blocks.append(
            TableBlock(
                "The artifacts",
                heads,
                rows,
                summary=f"The artifacts: {plural(len(rows), 'artifact')}",
                text_columns=(1, 3),
            )
        )
    if versions := facts.get("versions"):
        rows = tuple(sorted(versions.items()))
        blocks.append(
            TableBlock("The versions of the libraries", ("library", "version"), rows, text_columns=(1,))
        )
    if code := facts.get("code"):
        rows = tuple(code.items())
        blocks.append(TableBlock("The code of the steps", ("step", "digest"), rows, text_columns=(1,)))
    if run.verdict is not None:
        blocks.append(PreformattedBlock("The verdict as the Evaluator wrote it (JSON)", _json(run.verdict)))
    return Section("lineage", "Lineage", tuple(blocks))


def _run(facts: Json) -> str:
    steps = facts.get("steps", ())
    cached = sum(step["state"] == "cached" for step in steps)
    started = f", started {facts['started']}" if facts.get("started") else ""
    return (
        f"Run {facts.get('run_id', 'unknown')}{started}: {plural(len(steps), 'step')} before this one, "
        f"{cached} from the cache."
    )


def _json(verdict: Json) -> str:
    return json.dumps({k: v for k, v in verdict.items() if k != "curves"}, indent=2, ensure_ascii=False)
