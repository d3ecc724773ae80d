"""Logs runs and registers published versions on an MLflow server, through the client of the package mlflow-skinny."""

import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from components.common import storage
from components.common.file_names import CARD_FILE
from pipeline_def.config.tracking import TOKEN_VARIABLE, URI_VARIABLE
from pipeline_def.tracking.run_log import RunLog
from pipeline_def.tracking.tracking_record import TrackingRecord

_RUN_TAG, _VERSION_TAG = "regpipe.run_id", "regpipe.version"
# The limits of the API for one request (mlflow/utils/validation.py), and for the value of a parameter.
_MOST_METRICS, _MOST_PARAMETERS, _MOST_CHARACTERS = 1000, 100, 6000
# MLflow's client repeats a request seven times by default, for minutes, and reports its use to its makers.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_Item = TypeVar("_Item")


class NoServer(Exception):
    """There is no address of a server, or no client."""


class MlflowServer:
    """One experiment and one registered model on an MLflow server.

    The methods raise the errors of MLflow's client.
    """

    def __init__(self, settings: TrackingRecord) -> None:
        uri = settings.mlflow.uri or os.environ.get(URI_VARIABLE, "").strip()
        if not uri.startswith(("http://", "https://")):
            found = "another kind of address" if uri else "nothing"
            raise NoServer(
                f"expected the address of a server (http:// or https://) in tracking.mlflow.uri or {URI_VARIABLE}, "
                f"got {found}"
            )
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow.tracking import MlflowClient
        except ModuleNotFoundError:
            raise NoServer("there is no MLflow client; install regpipe[mlflow]") from None
        self._client: Any = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._experiment = settings.mlflow.experiment or settings.pipeline
        self._model = settings.mlflow.model or settings.pipeline
        self._alias = settings.mlflow.alias

    def log(self, run: RunLog) -> None:
        """Logs a run; one that is logged already is updated."""
        from mlflow.entities import Metric, Param, RunTag

        found = self._run(run.run_id)
        id = found.info.run_id
        # With the start as the time of all metrics, a run that is logged again has no value twice.
        started = found.info.start_time
        tags = [RunTag(name, value) for name, value in run.tags.items()]
        self._client.log_batch(id, tags=tags)
        params = [Param(name, value[:_MOST_CHARACTERS]) for name, value in run.parameters.items()]
        for some_params in _parts(params, _MOST_PARAMETERS):
            self._client.log_batch(id, params=some_params)
        metrics = [Metric(metric.name, metric.value, started, metric.step) for metric in run.metrics]
        for some_metrics in _parts(metrics, _MOST_METRICS):
            self._client.log_batch(id, metrics=some_metrics)
        for name, path in run.files.items():
            self._store(id, name, path)
        self._client.set_terminated(id, "FAILED" if run.failed else "FINISHED")

    def publish(self, run_id: str, version: int, path: str) -> None:
        """Registers a published version, unless it is registered already, and moves the alias to it.

        Args:
            run_id: the run that trained the model.
            version: the version that servers load.
            path: where it is published.
        """
        registered = self._registered(version)
        if registered is None:
            run = self._run(run_id)
            self._store(run.info.run_id, f"versions/{version}/{Path(CARD_FILE).name}", f"{path}/{CARD_FILE}")
            if run.info.end_time is None:  # the run itself could not be logged
                self._client.set_terminated(run.info.run_id, "FINISHED")
            registered = self._client.create_model_version(
                self._model,
                source=f"{run.info.artifact_uri}/versions/{version}",
                run_id=run.info.run_id,
                tags={_RUN_TAG: run_id, _VERSION_TAG: str(version), "regpipe.path": path},
                await_creation_for=None,
            ).version
        self._client.set_registered_model_alias(self._model, self._alias, registered)

    def _run(self, run_id: str) -> Any:
        """Returns the run with this id in a tag; it is created if there is none."""
        experiment = self._client.get_experiment_by_name(self._experiment)
        id = experiment.experiment_id if experiment else self._client.create_experiment(self._experiment)
        found = self._client.search_runs([id], f"tags.`{_RUN_TAG}` = '{run_id}'", max_results=1)
        if found:
            return found[0]
        now = int(time.time() * 1000)
        return self._client.create_run(id, start_time=now, tags={_RUN_TAG: run_id}, run_name=run_id)

    def _registered(self, version: int) -> str | None:
        """Returns MLflow's number of a published version, or None; creates the registered model."""
        from mlflow.exceptions import RestException

        try:
            self._client.create_registered_model(self._model)
        except RestException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        for registered in self._client.search_model_versions(f"name='{self._model}'"):
            if registered.tags.get(_VERSION_TAG) == str(version):
                return str(registered.version)
        return None

    def _store(self, run: str, name: str, path: str) -> None:
        """Stores a file of the pipeline, which may be on gs://, under a name of its own; a missing one is left out."""
        try:
            content = storage.read(path)
        except OSError:
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(name).name
            file.write_bytes(content)
            above = str(Path(name).parent)
            self._client.log_artifact(run, str(file), None if above == "." else above)


def reason(error: Exception) -> str:
    """Returns the reason of a failure in a line, without credentials."""
    text = " ".join(str(error).split())
    text = re.sub(r"//[^/@\s]+@", "//", text)
    for variable in (TOKEN_VARIABLE, "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        if secret := os.environ.get(variable):
            text = text.replace(secret, "(hidden)")
    return text[:300] if isinstance(error, NoServer) else f"{type(error).__name__}: {text[:300]}"


def _parts(items: Sequence[_Item], most: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
