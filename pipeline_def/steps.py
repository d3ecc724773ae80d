"""The steps of the pipeline, in one table that the graph, both runners, the report and the help texts read.

It imports nothing heavy, because `regpipe --help` reads it. A test compares it with the compiled graph.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Step(NamedTuple):  # importing dataclasses takes as long as the rest of --help
    """One step of the pipeline.

    Attributes:
        name: its name in the graph, in the metadata store, on the terminal and on Kubeflow.
        predecessors: the steps that must have ended: those whose outputs it reads, and for
            Transform also the gates.
        code: the module in `components` whose digest is in the step's cache key, so that a change of code reruns the
            step; None if all code of the step is TFX's.
        executors: the modules that define its executor class, one for each component that can implement the step;
            empty if the executor is a function in the module in `code`.
        uses_beam: whether it runs on Beam, so that the keys under `beam` apply to it.
        uses_gpu: whether a GPU makes it faster.
        optional: whether a configuration may leave it out.
    """

    name: str
    predecessors: tuple[str, ...] = ()
    code: str | None = None
    executors: tuple[str, ...] = ()
    uses_beam: bool = False
    uses_gpu: bool = False
    optional: bool = False


FIRST, TUNER, SERVED_MODEL, LAST = "ExampleGen", "Tuner", "ServedModel", "Report"
VERDICT = "Verdict"  # only on Kubeflow, after the last step: it fails if nothing was pushed
STEPS: tuple[Step, ...] = (
    Step(
        FIRST,
        code="components.example_gen.component",
        executors=("components.example_gen.executor",),
        uses_beam=True,
    ),
    Step(
        "StatisticsGen",
        predecessors=(FIRST,),
        code="components.statistics.component",
        executors=("components.statistics.executor",),
        uses_beam=True,
    ),
    Step(
        "SchemaGen",
        predecessors=("StatisticsGen",),
        executors=(
            "tfx.components.schema_gen.executor",
            "tfx.components.schema_gen.import_schema_gen.executor",
        ),
    ),
    Step(
        "ExampleValidator",
        predecessors=("StatisticsGen", "SchemaGen"),
        executors=("tfx.components.example_validator.executor",),
    ),
    Step(
        "DataGate",
        predecessors=(FIRST, "StatisticsGen", "SchemaGen", "ExampleValidator"),
        code="components.data_gate.component",
    ),
    Step(
        "DriftGate",
        predecessors=(FIRST, "StatisticsGen"),
        code="components.drift.component",
        executors=("components.drift.executor",),
    ),
    Step(
        "Transform",
        predecessors=(FIRST, "SchemaGen", "DataGate", "DriftGate"),
        code="components.transform.executor",
        executors=("components.transform.executor",),
        uses_beam=True,
    ),
    Step(
        TUNER,
        predecessors=(FIRST, "Transform"),
        code="components.tuner.executor",
        executors=("components.tuner.executor",),
        uses_gpu=True,
        optional=True,
    ),
    Step(
        "Trainer",
        predecessors=(FIRST, "Transform", TUNER),
        code="components.trainer.executor",
        executors=("components.trainer.executor",),
        uses_gpu=True,
    ),
    Step(
        "BaselineTrainer",
        predecessors=(FIRST, "Transform"),
        code="components.trainer.executor",
        executors=("components.trainer.executor",),
        uses_gpu=True,
    ),
    Step(
        SERVED_MODEL,
        predecessors=(FIRST, "Trainer"),
        code="components.served_model.component",
        executors=("components.served_model.executor",),
        optional=True,
    ),
    Step(
        "Evaluator",
        predecessors=(FIRST, "Trainer", "BaselineTrainer", SERVED_MODEL),
        code="components.evaluator.component",
        executors=("components.evaluator.executor",),
        uses_beam=True,
    ),
    Step(
        "Pusher", predecessors=("StatisticsGen", "Trainer", "Evaluator"), code="components.pusher.component"
    ),
    Step(
        LAST,
        predecessors=(
            FIRST,
            "StatisticsGen",
            "ExampleValidator",
            "DriftGate",
            TUNER,
            "Trainer",
            "BaselineTrainer",
            "Evaluator",
            "Pusher",
        ),
        code="components.report.component",
    ),
)
STEP_NAMES: tuple[str, ...] = tuple(step.name for step in STEPS)
_BY_NAME = {step.name: step for step in STEPS}


def code_of(name: str) -> str:
    """Returns the module whose digest represents the code of a step.

    Raises:
        KeyError: there is no such step.
        ValueError: all its code is TFX's.
    """
    code = _BY_NAME[name].code
    if code is None:
        raise ValueError(f"expected a step with its own code, got {name}")
    return code


def direct_predecessors(name: str) -> tuple[str, ...]:
    """Returns the predecessors of a step, without those that another predecessor implies.

    An optional predecessor implies no others, so the result is valid with and without it.

    Raises:
        KeyError: there is no such step.
    """
    predecessors = _BY_NAME[name].predecessors
    implied = {early for late in predecessors if not _BY_NAME[late].optional for early in _ancestors(late)}
    return tuple(step for step in predecessors if step not in implied)


def _ancestors(name: str) -> Iterator[str]:
    for step in _BY_NAME[name].predecessors:
        yield step
        yield from _ancestors(step)
