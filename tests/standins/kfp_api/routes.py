"""The paths of Kubeflow Pipelines' API: api/v2beta1/*.proto and, for uploads, backend/src/apiserver/main.go."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.standins.kfp_api.api_errors import ApiError
from tests.standins.kfp_api.listing import page
from tests.standins.kfp_api.resources import Resources

Query = dict[str, str]
Answer = dict[str, Any]


def answer(kept: Resources, request: str, query: Query, body: Any) -> Answer | str:
    """Returns the body of the response to a request.

    Args:
        kept: the objects, which the request may change.
        request: "METHOD path".
        query: the query parameters.
        body: the JSON body, or the bytes of an uploaded file.

    Raises:
        ApiError: the request is refused.
    """
    method, _, path = request.partition(" ")
    if request == "GET /apis/v1beta1/healthz":  # apiserver/main.go, not in a proto
        return {"commit_sha": "unknown", "tag_name": "2.17.0", "multi_user": kept.multi_user}
    if not kept.interface and (
        found := re.fullmatch("GET /apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", request)
    ):
        return _log(kept, found[2])
    if kept.interface and request == "GET /k8s/pod/logs":
        return _log(kept, query["podname"])
    for verb, pattern, act in _ROUTES:
        found = re.fullmatch(_API + pattern, path)
        if found and verb == method:
            return act(kept, query, body, found.groups())
    if any(re.fullmatch(_API + pattern, path) for _, pattern, _ in _ROUTES):
        raise ApiError(12, "Method Not Allowed")  # grpc-gateway v2.27.1, runtime/mux.go
    raise ApiError(5, "Not Found")


def _log(kept: Resources, pod: str) -> str:
    """server/run_log_server.go, ReadRunLogV1: an error has the status 200, too, because the header was sent before."""
    return kept.logs.get(pod) or json.dumps({"error_message": f"Failed to read logs from pod {pod}"})


def _of_namespace(kept: Resources, kind: str, query: Query) -> list[Answer]:
    """Returns the objects of the requested namespace, which is ignored in single-user mode (ReplaceNamespace)."""
    found = getattr(kept, kind).values()
    return [
        one for one in found if not kept.multi_user or one.get("namespace", "") == query.get("namespace", "")
    ]


def _healthz(kept: Resources, _: Query, __: Any, ___: Any) -> Answer:
    return {"pipeline_store": "database"} | ({"multi_user": True} if kept.multi_user else {})


def _pipelines(kept: Resources, query: Query, _: Any, __: Any) -> Answer:
    return page(_of_namespace(kept, "pipelines", query), "pipelines", "pipeline_id", query)


def _versions(kept: Resources, query: Query, _: Any, ids: Sequence[str]) -> Answer:
    found = [one for one in kept.versions.values() if one["pipeline_id"] == ids[0]]
    return page(found, "pipeline_versions", "pipeline_version_id", query)


def _experiments(kept: Resources, query: Query, _: Any, __: Any) -> Answer:
    return page(_of_namespace(kept, "experiments", query), "experiments", "experiment_id", query)


def _runs(kept: Resources, query: Query, _: Any, __: Any) -> Answer:
    return page(_of_namespace(kept, "runs", query), "runs", "run_id", query)


def _recurring_runs(kept: Resources, query: Query, _: Any, __: Any) -> Answer:
    found = _of_namespace(kept, "recurring_runs", query)
    if query.get("experiment_id"):
        found = [one for one in found if one["experiment_id"] == query["experiment_id"]]
    return page(found, "recurringRuns", "recurring_run_id", query)


def _delete(kept: Resources, query: Query, _: Any, ids: Sequence[str]) -> Answer:
    return kept.delete_recurring_run(ids[0], query.get("propagation_policy", ""))


_API = "/apis/v2beta1"
_ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/healthz", _healthz),
    ("GET", "/pipelines", _pipelines),
    ("POST", "/pipelines", lambda kept, _, body, __: kept.create_pipeline(body)),
    (
        "POST",
        "/pipelines/upload_version",
        lambda kept, query, body, _: kept.upload_version(query, body),
    ),
    ("GET", "/pipelines/([^/]+)/versions", _versions),
    (
        "GET",
        "/pipelines/([^/]+)/versions/([^/]+)",
        lambda kept, _, __, ids: kept.get("PipelineVersion", kept.versions, ids[1]),
    ),
    ("GET", "/experiments", _experiments),
    ("POST", "/experiments", lambda kept, _, body, __: kept.create_experiment(body)),
    (
        "POST",
        "/experiments/([^/:]+):archive",
        lambda kept, _, __, ids: kept.archive_experiment(ids[0]),
    ),
    (
        "POST",
        "/experiments/([^/:]+):unarchive",
        lambda kept, _, __, ids: kept.unarchive_experiment(ids[0]),
    ),
    (
        "GET",
        "/experiments/([^/:]+)",
        lambda kept, _, __, ids: kept.get("Experiment", kept.experiments, ids[0]),
    ),
    ("GET", "/runs", _runs),
    ("POST", "/runs", lambda kept, _, body, __: kept.create_run(body)),
    ("GET", "/runs/([^/]+)", lambda kept, _, __, ids: kept.run(ids[0])),
    ("GET", "/recurringruns", _recurring_runs),
    ("POST", "/recurringruns", lambda kept, _, body, __: kept.create_recurring_run(body)),
    (
        "POST",
        "/recurringruns/([^/:]+):enable",
        lambda kept, _, __, ids: kept.change_mode(ids[0], True),
    ),
    (
        "POST",
        "/recurringruns/([^/:]+):disable",
        lambda kept, _, __, ids: kept.change_mode(ids[0], False),
    ),
    (
        "GET",
        "/recurringruns/([^/:]+)",
        lambda kept, _, __, ids: kept.get("Job", kept.recurring_runs, ids[0]),
    ),
    ("DELETE", "/recurringruns/([^/:]+)", _delete),
]
