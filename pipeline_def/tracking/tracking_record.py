"""The record of where a run was logged, in the folder of the run: `bless` and `rollback` read it later."""

from typing import Literal

from components.common.stored_record import StoredRecord
from pipeline_def.config.tracking import MlflowConfig


class TrackingRecord(StoredRecord):
    """Where a run was to be logged, also if that failed. It has no credentials.

    Attributes:
        format_version: the version of the format.
        pipeline: the key `name` of the run's configuration.
        mlflow: the keys under `tracking.mlflow`.
    """

    file_name = "tracking.json"
    description = "a tracking record"

    format_version: Literal[1] = 1
    pipeline: str
    mlflow: MlflowConfig
