"""A model of how Argo, as Kubeflow Pipelines installs it, retries the pods of a step.

Sources, each read at the releases in `BACKENDS`: github.com/kubeflow/pipelines, the defaults in
manifests/kustomize/third-party/argo/base/workflow-controller-configmap-patch.yaml, and the step's own strategy, which
has no policy, in backend/src/v2/compiler/argocompiler/container.go, getTaskRetryStrategyFromInput;
github.com/argoproj/argo-workflows, workflow/controller/operator.go: mergedTemplateDefaultsInto, inferFailedReason,
processNodeRetries; pkg/apis/workflow/v1alpha1/workflow_types.go, RetryPolicyActual.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# Releases of Kubeflow Pipelines (with Argo 3.6.7, 3.7.3, 3.7.3 and 4.0.5) and their templateDefaults.retryStrategy.
BACKENDS: Mapping[str, Mapping[str, Any]] = {
    "2.14.0": {},
    "2.15.0": {},
    "2.16.1": {},
    "2.17.0": {"limit": 2, "retryPolicy": "OnError"},
}
Phase = Literal["Succeeded", "Failed", "Error"]
Pod = Callable[[str], int]


class PodKilled(BaseException):
    """All processes of the pod's container were killed, or the kubelet evicted the pod: the pod is there, as failed."""


class PodDeleted(BaseException):
    """The pod does not exist any more, because it was deleted, or because its node was lost."""


@dataclass
class Argo:
    """Runs the pods of one step.

    Args:
        defaults: the retryStrategy in templateDefaults of the workflow.
        task: the step's retryPolicy in the pipeline spec, or None.
        now: returns the time in seconds.
        wait: waits for seconds.
    """

    defaults: Mapping[str, Any]
    task: Mapping[str, Any] | None
    now: Callable[[], float]
    wait: Callable[[float], None]

    def run(self, pod: Pod) -> tuple[Phase, int]:
        """Starts pods until the step ends.

        Args:
            pod: the main container, called with the name of the pod's node; it returns an exit code, or raises.

        Returns:
            The phase of the step, and the number of pods.
        """
        strategy = self._strategy()
        policy = strategy.get("retryPolicy") or "OnFailure"
        first, pods = self.now(), 0
        while True:
            phase = _phase(
                pod, f"churn-x.root.trainer.executor({pods})" if strategy else "churn-x.root.trainer"
            )
            pods += 1
            if phase == "Succeeded" or not strategy or pods > int(strategy["limit"]):
                return phase, pods
            backoff = strategy.get("backoff")
            if backoff:
                if self.now() > first + backoff["maxDuration"]:
                    return phase, pods  # "Max duration limit exceeded"
                self.wait(backoff["duration"] * backoff["factor"] ** (pods - 1))
            if (
                phase
                not in {"OnFailure": ("Failed",), "OnError": ("Error",), "Always": ("Failed", "Error")}[
                    policy
                ]
            ):
                return phase, pods  # "Node not set to be retried"

    def _strategy(self) -> dict[str, Any]:
        """Merges the step's strategy into the defaults: a field that it has not, such as the policy, is inherited."""
        if self.task is None:
            return dict(self.defaults)
        own = {
            "limit": self.task["maxRetryCount"],
            "backoff": {
                "duration": _seconds(self.task["backoffDuration"]),
                "factor": self.task["backoffFactor"],
                "maxDuration": _seconds(self.task["backoffMaxDuration"]),
            },
        }
        return {**self.defaults, **own}


def _phase(pod: Pod, node: str) -> Phase:
    try:
        return "Failed" if pod(node) else "Succeeded"
    except PodKilled:
        return "Failed"  # inferFailedReason: the main container's exit code, or the pod's own message
    except PodDeleted:
        return "Error"  # podReconciliation: "pod deleted"


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))
