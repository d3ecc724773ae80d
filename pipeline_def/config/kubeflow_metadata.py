"""The keys under `kubeflow.metadata`: the server of the ML Metadata store that all steps share."""

from typing import Literal

from pydantic import field_validator

from components.config.base import Settings, key
from pipeline_def.config.kubernetes_names import NAME, SECRET_KEY

# Environment variables of the container, from the secret kubeflow.metadata.secret.
USER_VARIABLE, PASSWORD_VARIABLE = "REGPIPE_METADATA_USER", "REGPIPE_METADATA_PASSWORD"


class MetadataConfig(Settings):
    """The ML Metadata store that all steps share. User and password are kept in a Kubernetes secret."""

    kind: Literal["mysql", "grpc"] = key(
        "mysql", "'mysql': a MySQL or MariaDB server; 'grpc': the metadata service of Kubeflow Pipelines."
    )
    host: str | None = key(
        None, "Its host name; null: regpipe-mysql, or metadata-grpc-service.kubeflow for grpc.", min_length=1
    )
    port: int | None = key(None, "Its port; null: 3306, or 8080 for grpc.", ge=1, le=65535)
    database: str = key("regpipe", "The name of the database (mysql only).", min_length=1)
    secret: str = key("regpipe-mysql", "The Kubernetes secret with user and password (mysql only).", **NAME)
    user_key: str = key("user", "The key of the user name in that secret.", **SECRET_KEY)
    password_key: str = key("password", "The key of the password in that secret.", **SECRET_KEY)

    @field_validator("kind", mode="before")
    @classmethod
    def _not_sqlite(cls, value: object) -> object:
        if value == "sqlite":
            raise ValueError(
                "expected mysql or grpc, got 'sqlite', which only one process can use at a time; several steps share "
                "the store"
            )
        return value

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port, or their defaults."""
        host, port = (
            ("regpipe-mysql", 3306) if self.kind == "mysql" else ("metadata-grpc-service.kubeflow", 8080)
        )
        return self.host or host, self.port or port
