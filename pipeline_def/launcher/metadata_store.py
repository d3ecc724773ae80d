"""Connections to the ML Metadata store: an SQLite file, or a server that all steps on a cluster share."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from ml_metadata import errors
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline_def.config.kubeflow_metadata import PASSWORD_VARIABLE, USER_VARIABLE, MetadataConfig
from pipeline_def.runs.run_files import STORE_FILE

_CONNECT_TIMEOUT = 5.0  # seconds; the client of MySQL itself would wait for minutes

Connection: TypeAlias = mlmd.ConnectionConfig | mlmd.MetadataStoreClientConfig


def sqlite(root: Path | str) -> mlmd.ConnectionConfig:
    """Returns the connection to an SQLite file under the root; only one process at a time may use it."""
    return metadata.sqlite_metadata_connection_config(f"{root}/{STORE_FILE}")


def shared(config: MetadataConfig) -> Connection:
    """Returns the connection to a server, without user and password, because the compiled pipeline contains it."""
    host, port = config.address
    if config.kind == "grpc":
        return mlmd.MetadataStoreClientConfig(host=host, port=port)
    source = mlmd.MySQLDatabaseConfig(host=host, port=port, database=config.database)
    return mlmd.ConnectionConfig(mysql=source)


def connection_config(
    pipeline: pipeline_pb2.Pipeline, environment: Mapping[str, str] = os.environ
) -> Connection:
    """Returns the connection of a compiled pipeline, with user and password from the environment.

    Raises:
        LookupError: the environment has no user or no password for a MySQL server.
    """
    deployment = runner_utils.extract_local_deployment_config(pipeline)
    kind = deployment.metadata_connection_config.WhichOneof("connection_config")
    config: Connection = getattr(deployment.metadata_connection_config, kind)
    return _with_credentials(config, environment)


def _with_credentials(config: Connection, environment: Mapping[str, str]) -> Connection:
    """Adds user and password to the connection to a MySQL server. Raises LookupError if one is missing."""
    if isinstance(config, mlmd.ConnectionConfig) and config.HasField("mysql"):
        for variable in (USER_VARIABLE, PASSWORD_VARIABLE):
            if not environment.get(variable):
                raise LookupError(
                    f"expected {variable} in the environment (kubeflow.metadata.secret), got nothing"
                )
        config.mysql.user, config.mysql.password = environment[USER_VARIABLE], environment[PASSWORD_VARIABLE]
    return config


class StoreUnreachable(Exception):
    """The shared metadata store can't be opened from this machine. The message says why."""


def open_shared(config: MetadataConfig, environment: Mapping[str, str] = os.environ) -> MetadataStore:
    """Opens the server that all steps on a cluster share, from this machine.

    Raises:
        StoreUnreachable: there is no server at its address, it refuses the user, or the environment has none.
    """
    host, port = config.address
    where = f"kubeflow.metadata: the metadata store {host}:{port} can't be opened from this machine"
    try:
        with socket.create_connection((host, port), _CONNECT_TIMEOUT):
            pass
        store = MetadataStore(_with_credentials(shared(config), environment))
        store.get_context_by_type_and_name(
            "pipeline_run", ""
        )  # the gRPC client connects with its first request
    except LookupError as error:
        raise StoreUnreachable(f"{where}: {error.args[0]}") from None
    except OSError as error:
        raise StoreUnreachable(f"{where}: {error.strerror or error}") from None
    except (RuntimeError, errors.StatusError) as error:
        raise StoreUnreachable(f"{where}: {' '.join(str(error).split())}") from None
    return store
