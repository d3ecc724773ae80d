"""Reads the logs of the containers of a run through Kubeflow Pipelines.

Both ways are tried, because each address has only one of them: the user interface (frontend/server/app.ts,
`/k8s/pod/logs`) and the API server (backend/src/apiserver/main.go, `/apis/v1alpha1/runs/.../log`), at 2.17.0.
"""

from collections.abc import Iterator

from pipeline_def.config.kubeflow import KubeflowConfig
from pipeline_def.kubeflow.kfp_client import KubeflowApi

# The name of the template of a step's container: backend/src/v2/compiler/argocompiler/container.go.
_TEMPLATE = "system-container-impl"


def read_logs(kubeflow: KubeflowApi, run_id: str, config: KubeflowConfig) -> Iterator[str]:
    """Yields what may be the logs of a run's containers; other responses, such as errors, may be among them.

    Args:
        kubeflow: the API.
        run_id: the run.
        config: the configuration of the cluster, for the namespace of the pods.

    Raises:
        KubeflowError: the run can't be read.
    """
    run = kubeflow.call(kubeflow.client.runs.run_service_get_run, run_id=run_id)
    tasks = (run.run_details and run.run_details.task_details) or []
    nodes = {child.pod_name for task in tasks for child in task.child_tasks or () if child.pod_name}
    namespace = kubeflow.namespace or config.installation
    for pod in _pod_names(nodes):
        of_interface = {"podname": pod, "runid": run_id, "podnamespace": namespace}
        yield kubeflow.read_text("/k8s/pod/logs", of_interface)
        yield kubeflow.read_text(f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log", {})


def _pod_names(nodes: set[str]) -> list[str]:
    """Returns the possible names of pods, by the ids of nodes of the workflow: those of step containers first.

    The id is WORKFLOW-HASH, and the name WORKFLOW-TEMPLATE-HASH (Argo, workflow/util/pod_name.go, GeneratePodName) or,
    in an older format, the id.
    """
    split = [node.rpartition("-") for node in sorted(nodes)]
    return [f"{workflow}-{_TEMPLATE}-{digest}" for workflow, _, digest in split] + sorted(nodes)
