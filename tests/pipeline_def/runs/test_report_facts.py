"""The facts of a run that the Report step reads."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.code_digest import code_digest
from pipeline_def.config.load import load_config
from pipeline_def.runs.report_facts import write_facts
from pipeline_def.runs.run_files import FACTS_FILE
from pipeline_def.runs.run_store import RunStore


class RunStub:
    """Stands for a RunStore with one run, which has completed all steps before the Report."""

    store = SimpleNamespace(
        get_context_by_type_and_name=lambda *_: SimpleNamespace(create_time_since_epoch=1000)
    )

    def steps(self, _: str) -> list[tuple[str, mlmd.Execution]]:
        fixed = ("model.l1=0", "model.l2=0", "model.dropout=0")
        names = load_config(None, fixed).step_names()[:-1]
        return [(name, mlmd.Execution(last_known_state=mlmd.Execution.COMPLETE)) for name in names]

    def outputs(self, _: str) -> dict[Any, Any]:
        return {}

    def override(self, _: str) -> None:
        return None


def test_the_code_of_every_step_is_in_the_facts(tmp_path: Path) -> None:
    """Except of the steps whose code is TFX's; of the Tuner only if it ran."""
    write_facts(tmp_path, "r1", cast(RunStore, RunStub()))
    facts = json.loads((tmp_path / "runs" / "r1" / FACTS_FILE).read_text(encoding="utf-8"))
    assert list(facts["code"]) == [
        "ExampleGen", "StatisticsGen", "DataGate", "Transform", "Trainer", "BaselineTrainer", "Evaluator", "Pusher",
        "Report",
    ]  # fmt: skip
    assert facts["code"]["StatisticsGen"] == code_digest("components.statistics.component")
    assert [step["state"] for step in facts["steps"]] == ["done"] * 10
