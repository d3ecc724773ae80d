"""Patterns of the names that Kubernetes allows, as keyword arguments of `key`."""

from typing import Any

# Of a secret or a volume.
NAME: dict[str, Any] = {
    "expects": "lower-case letters, digits, hyphens and dots (at most 253)",
    "pattern": r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
    "max_length": 253,
}
# Of a key in a secret.
SECRET_KEY: dict[str, Any] = {
    "expects": "letters, digits, hyphens, underscores and dots (at most 253)",
    "pattern": r"^[A-Za-z0-9._-]+$",
    "max_length": 253,
}
