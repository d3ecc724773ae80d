"""Starts a single run on Kubeflow Pipelines, and waits for it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline_def.kubeflow.kfp_client import KubeflowApi, Unreachable
from pipeline_def.kubeflow.package import Package, get_or_create_experiment
from pipeline_def.steps import VERDICT

# The final states among RuntimeState in run.proto.
_FINAL = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
_SUCCESSFUL = ("SUCCEEDED", "SKIPPED")
_MAX_FAILED_REQUESTS = 20  # in a row, after which waiting for a run is given up


def submit_run(
    kubeflow: KubeflowApi,
    package: Package,
    arguments: Mapping[str, Any],
    experiment_name: str,
    service_account: str | None = None,
) -> Any:
    """Starts a run of a pipeline, after uploading the pipeline if necessary.

    Args:
        kubeflow: the API.
        package: the compiled pipeline.
        arguments: the values of its parameters, with their types.
        experiment_name: the experiment of the run.
        service_account: the service account of its steps; None: the default of Kubeflow Pipelines.

    Returns:
        The run, as kfp's V2beta1Run.
    """
    version = package.upload(kubeflow)
    models = kubeflow.client.api_models
    body = models.V2beta1Run(
        display_name=f"{package.name} {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())}",
        experiment_id=get_or_create_experiment(kubeflow, experiment_name),
        pipeline_version_reference=models.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
        ),
        runtime_config=models.V2beta1RuntimeConfig(parameters=dict(arguments)),
        service_account=service_account,
    )
    return kubeflow.call(kubeflow.client.runs.run_service_create_run, run=body)


def wait_for_run(
    kubeflow: KubeflowApi,
    run_id: str,
    steps: Mapping[str, str],
    show: Callable[[str], None],
    every: float = 5.0,
) -> tuple[str, list[str]]:
    """Waits until a run has ended. If the server can't be reached, the request is repeated.

    Args:
        kubeflow: the API.
        run_id: the id of the run.
        steps: the display names of the steps, by the names of their tasks. Other tasks of a run (drivers, graphs,
            executors) are ignored.
        show: called with a line of text whenever a step, or the run, changes its state.
        every: seconds between two requests.

    Returns:
        The final state, and the display names of the steps that failed. Exit codes of the steps are not available: the
        launcher of KFP replaces them by 1, and a task has no message (launcher-v2/main.go, workflow.go, at 2.16.1).

    Raises:
        KubeflowError: a request failed; Unreachable is raised only after 20 failed requests in a row.
    """
    previous: dict[str, str] = {}
    failures = 0
    while True:
        try:
            run = kubeflow.call(kubeflow.client.runs.run_service_get_run, run_id=run_id)
        except Unreachable as error:
            failures += 1
            if failures == _MAX_FAILED_REQUESTS:
                raise
            if failures == 1:
                show(f"{error}; the run continues, trying again")
            time.sleep(every)
            continue
        failures = 0
        states = {**_states(run, steps), "run": run.state or "PENDING"}
        for name, state in states.items():
            if previous.get(name) != state:
                show(f"{name}: {state.lower()}")
        previous = states
        if states["run"] in _FINAL:
            return states["run"], [name for name in steps.values() if states.get(name) == "FAILED"]
        time.sleep(every)


def _states(run: Any, steps: Mapping[str, str]) -> dict[str, str]:
    """Returns the states of the steps that have started."""
    tasks = (run.run_details and run.run_details.task_details) or []
    return {
        steps[task.display_name]: task.state for task in tasks if task.display_name in steps and task.state
    }


def exit_code_and_message(state: str, failed: Sequence[str]) -> tuple[int, str]:
    """Returns the exit code of `regpipe run` that the states of a run correspond to, and a sentence.

    Args:
        state: the final state of the run.
        failed: the steps that failed.
    """
    if state in _SUCCESSFUL:
        return 0, "The run succeeded."
    if list(failed) == [VERDICT]:
        return 4, "The run completed, but the model was not blessed: nothing was pushed."
    where = f" in {', '.join(failed)}" if failed else ""
    outcome = "failed" if state == "FAILED" else "was canceled"
    return 1, f"The run {outcome}{where}; see its page for the log."
