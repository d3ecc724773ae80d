"""The configuration keys under `serving`: where models are published, and how many versions are kept."""

from pydantic import field_validator

from components.config.base import Settings, key, without_home


class ServingConfig(Settings):
    """Where blessed models are published."""

    directory: str | None = key(
        None, "The folder that TF Serving polls for new versions; null: the folder `serving` under the root."
    )
    keep_versions: int = key(
        5,
        "The number of published versions to keep for a rollback. Older versions are removed after each push of the "
        "pipeline; `regpipe bless` and `regpipe rollback` remove none.",
        unit="versions",
        ge=1,
    )

    _paths = field_validator("directory")(without_home)
