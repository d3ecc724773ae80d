"""The facts of a run that the Report step reads."""

import json
from pathlib import Path
from typing import Any, cast

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.code_digest import code_digest
from pipeline_def.config.load import load_config
from pipeline_def.runs.report_facts import EVALUATION, EXAMPLES, write_facts
from pipeline_def.runs.run_files import FACTS_FILE
from pipeline_def.runs.run_store import RunStore
from pipeline_def.steps import LAST


class RunStub:
    """Stands for a RunStore with one run, which has completed all steps before the Report."""

    def started(self, _: str) -> str:
        return "1970-01-01T00:00:01+00:00"

    def steps(self, _: str) -> list[tuple[str, mlmd.Execution]]:
        fixed = ("model.l1=0", "model.l2=0", "model.dropout=0")
        names = load_config(None, fixed).step_names()[:-1]
        return [(name, mlmd.Execution(last_known_state=mlmd.Execution.COMPLETE)) for name in names]

    def outputs(self, _: str) -> dict[Any, Any]:
        return {}

    def override(self, _: str) -> None:
        return None

    def config(self, run_id: str) -> Any:
        return RunStore.config(cast(RunStore, self), run_id)

    def run_contexts(self) -> list[mlmd.Context]:
        return [mlmd.Context(name="r1")]


class StoreOfSeveralRoots(RunStub):
    """Stands for a RunStore with runs of two roots; those in `complete` have a verdict, of which r2 has no report."""

    complete = ("r1", "r2", "elsewhere")

    def run_contexts(self) -> list[mlmd.Context]:
        return [mlmd.Context(name=name) for name in ("r1", "r2", "elsewhere", "refused", "r4", "r5")]

    def outputs(self, run_id: str) -> dict[Any, Any]:
        keys = (EXAMPLES, EVALUATION) if run_id in self.complete else (EXAMPLES,)
        return {key: mlmd.Artifact(uri=f"/{run_id}/{key[1]}") for key in keys}

    def steps(self, run_id: str) -> list[tuple[str, mlmd.Execution]]:
        report = mlmd.Execution()
        report.custom_properties["config"].string_value = '{"name": "churn"}'
        return [(LAST, report)] if run_id == "r1" else []


def previous_of(root: Path, run_id: str) -> Any:
    write_facts(root, run_id, cast(RunStore, StoreOfSeveralRoots()))
    return json.loads((root / "runs" / run_id / FACTS_FILE).read_text(encoding="utf-8"))["previous"]


def test_the_last_run_with_a_verdict(tmp_path: Path) -> None:
    """Neither one of another root, nor one whose data was refused, nor a later one."""
    for name in ("r1", "r2", "refused", "r4", "r5"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert previous_of(tmp_path, "r1") is None
    found = previous_of(tmp_path, "r4")
    assert (found["run_id"], found["examples"], found["evaluation"]) == (
        "r2",
        "/r2/examples",
        "/r2/evaluation",
    )
    assert found["config"] is None
    of_the_first = previous_of(tmp_path, "r2")
    assert of_the_first["config"] == {"name": "churn"}
    # Its own facts were written above.
    assert of_the_first["code"]["Report"] == code_digest("components.report.component")


def test_the_code_of_every_step_is_in_the_facts(tmp_path: Path) -> None:
    """Except of the steps whose code is TFX's; of the Tuner only if it ran."""
    write_facts(tmp_path, "r1", cast(RunStore, RunStub()))
    facts = json.loads((tmp_path / "runs" / "r1" / FACTS_FILE).read_text(encoding="utf-8"))
    assert list(facts["code"]) == [
        "ExampleGen", "StatisticsGen", "DataGate", "DriftGate", "Transform", "Trainer", "BaselineTrainer",
        "ServedModel", "Evaluator", "Pusher", "Report",
    ]  # fmt: skip
    assert facts["code"]["StatisticsGen"] == code_digest("components.statistics.component")
    assert [step["state"] for step in facts["steps"]] == ["done"] * 12
