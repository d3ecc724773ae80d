"""Connections to the ML Metadata store: an SQLite file, or a server that all steps on a cluster share."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline_def.config.kubeflow_metadata import PASSWORD_VARIABLE, USER_VARIABLE, MetadataConfig
from pipeline_def.runs.run_files import STORE_FILE

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
    if isinstance(config, mlmd.ConnectionConfig) and config.HasField("mysql"):
        for variable in (USER_VARIABLE, PASSWORD_VARIABLE):
            if not environment.get(variable):
                raise LookupError(
                    f"expected {variable} in the environment (kubeflow.metadata.secret), got nothing"
                )
        config.mysql.user, config.mysql.password = environment[USER_VARIABLE], environment[PASSWORD_VARIABLE]
    return config
