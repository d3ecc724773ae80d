"""The keys under `tracking`. No step reads them, so a change here does not rerun any step."""

import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import field_validator

from components.config.base import Settings, key
from pipeline_def.config.kubernetes_names import NAME, SECRET_KEY

URI_VARIABLE, TOKEN_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"
"""MLflow's own environment variables, which its client reads."""
_MODEL: dict[str, Any] = {
    "expects": "a name without / and :",
    "pattern": r"^[^/:]+$",
    "max_length": 256,
}


class MlflowConfig(Settings):
    """An MLflow server that each run is logged to, with the published version as a registered model."""

    enabled: bool = key(
        False, "Whether runs are logged. This needs the package regpipe[mlflow]; a failure never fails a run."
    )
    uri: str | None = key(
        None,
        "The address of the MLflow server, such as https://mlflow.example.org, without a user or a password; null: the "
        "environment variable MLFLOW_TRACKING_URI. A token is read from MLFLOW_TRACKING_TOKEN.",
    )
    experiment: str | None = key(
        None,
        "The MLflow experiment; it is created if it does not exist. null: the value of `name`.",
        min_length=1,
    )
    model: str | None = key(
        None, "The name of the registered model in MLflow. null: the value of `name`.", **_MODEL
    )
    alias: str = key(
        "published",
        "The alias of the registered model's version that is served. It follows each push, `regpipe bless` and "
        "`regpipe rollback`.",
        expects="letters, digits, hyphens and underscores; not 'latest', and not v and a number",
        pattern=r"^[A-Za-z0-9_-]+$",
    )
    secret: str | None = key(
        None,
        "On Kubeflow: the Kubernetes secret with the token for MLFLOW_TRACKING_TOKEN; null: no token is sent.",
        **NAME,
    )
    secret_key: str = key("token", "On Kubeflow: the key in that secret.", **SECRET_KEY)

    @field_validator("uri")
    @classmethod
    def _uri_is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.username or parts.password:
            raise ValueError(
                f"expected an address without a user or a password; a token is read from {TOKEN_VARIABLE}"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected an address such as https://mlflow.example.org, got {value!r}")
        return value.rstrip("/")

    @field_validator("alias")
    @classmethod
    def _alias_is_not_reserved(cls, value: str) -> str:
        # mlflow/store/model_registry: `latest`, and v and a number, are reserved.
        if value.lower() == "latest" or re.fullmatch(r"[vV]\d+", value):
            raise ValueError(f"expected an alias that MLflow does not reserve, got {value!r}")
        return value


class TrackingConfig(Settings):
    """Other systems in which runs are recorded."""

    mlflow: MlflowConfig = MlflowConfig()
