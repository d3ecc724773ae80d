"""The keys under `serving`."""

from components.config.base import Settings, key


class ServingConfig(Settings):
    """Where a blessed model goes."""

    directory: str | None = key(None, "The folder TF Serving polls; none: `serving` under the root.")
    keep_versions: int = key(
        5,
        "Versions that stay published, to go back to; older ones are removed once a newer one is in place.",
        unit="versions",
        ge=1,
    )
