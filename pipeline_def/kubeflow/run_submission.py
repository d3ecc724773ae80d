"""One run on Kubeflow Pipelines, now; and how it is getting on."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline_def.kubeflow.kfp_client import Kubeflow, Unreachable
from pipeline_def.kubeflow.package import Package, experiment
from pipeline_def.steps import VERDICT

# run.proto, RuntimeState: those that last.
_ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
_ENDED_WELL = ("SUCCEEDED", "SKIPPED")
_MOST_LOST = 20  # answers in a row that a run may be followed without


def submit(
    kubeflow: Kubeflow,
    package: Package,
    arguments: Mapping[str, Any],
    experiment_name: str,
    service_account: str | None = None,
) -> Any:
    """Starts a run of a pipeline, which is uploaded if it has not been.

    Args:
        kubeflow: where.
        package: what.
        arguments: typed values of its parameters.
        experiment_name: of the experiment that the run belongs to.
        service_account: of its steps; none: Kubeflow Pipelines' default.

    Returns:
        kfp's V2beta1Run.
    """
    version = package.upload(kubeflow)
    models = kubeflow.client.api_models
    body = models.V2beta1Run(
        display_name=f"{package.name} {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())}",
        experiment_id=experiment(kubeflow, experiment_name),
        pipeline_version_reference=models.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
        ),
        runtime_config=models.V2beta1RuntimeConfig(parameters=dict(arguments)),
        service_account=service_account,
    )
    return kubeflow.ask(kubeflow.client.runs.run_service_create_run, run=body)


def follow(
    kubeflow: Kubeflow, run_id: str, steps: Mapping[str, str], tell: Callable[[str], None], every: float = 5.0
) -> tuple[str, list[str]]:
    """Waits until a run has ended.

    A server that can't be reached for a while is asked again; the run goes on without us.

    Args:
        kubeflow: where it runs.
        run_id: the run.
        steps: what its nodes are called, and what to call them; other nodes (drivers, graphs, executors) are not
            told of.
        tell: called with a line whenever a step, or the run, has come to another state.
        every: seconds between two looks.

    Returns:
        The state it ended in, and the steps that failed, as a person calls them. The exit code of a step is not to be
        had: KFP's launcher makes it 1, and a task has no message (launcher-v2/main.go, workflow.go, at 2.16.1).

    Raises:
        KubeflowError: what asking raises, and Unreachable only after 20 times in a row.
    """
    seen: dict[str, str] = {}
    lost = 0
    while True:
        try:
            run = kubeflow.ask(kubeflow.client.runs.run_service_get_run, run_id=run_id)
        except Unreachable as error:
            lost += 1
            if lost == _MOST_LOST:
                raise
            if lost == 1:
                tell(f"{error}; the run goes on, asking again")
            time.sleep(every)
            continue
        lost = 0
        states = {**_states(run, steps), "run": run.state or "PENDING"}
        for name, state in states.items():
            if seen.get(name) != state:
                tell(f"{name}: {state.lower()}")
        seen = states
        if states["run"] in _ENDED:
            return states["run"], [name for name in steps.values() if states.get(name) == "FAILED"]
        time.sleep(every)


def _states(run: Any, steps: Mapping[str, str]) -> dict[str, str]:
    """The states of the steps that have begun."""
    tasks = (run.run_details and run.run_details.task_details) or []
    return {
        steps[task.display_name]: task.state for task in tasks if task.display_name in steps and task.state
    }


def conclusion(state: str, failed: Sequence[str]) -> tuple[int, str]:
    """The exit code that `regpipe run` would have had, as far as it can be told, and a sentence.

    Args:
        state: that a run has ended in.
        failed: its steps that have failed.
    """
    if state in _ENDED_WELL:
        return 0, "The run ended well."
    if list(failed) == [VERDICT]:
        return 4, "The run was complete but the model was not blessed: nothing was pushed."
    where = f" in {', '.join(failed)}" if failed else ""
    return (
        1,
        f"The run has {'failed' if state == 'FAILED' else 'been canceled'}{where}; its log is on its page.",
    )
