"""Looks up the served model that a candidate is compared with. The result is in the key of TFX's cache."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.pusher.publication import Destination, version_store
from components.served_model.served_version import ServedVersion, read_version


class Lookup(BaseModel):
    """The result of a lookup. It does not depend on where the versions are, so the cache doesn't either.

    Attributes:
        found: `version`: there is a served model. `none`, `unrecorded`: see `ServedReference.outcome`. `error`: the
            destination can't be read.
        version: the version to compare with.
        digest: its `model_digest`.
        error: why the destination can't be read.
    """

    model_config = ConfigDict(frozen=True)

    found: Literal["version", "none", "unrecorded", "error"]
    version: int | None = None
    digest: str | None = None
    error: str | None = None


def look_up(destination: Destination, candidate: str) -> Lookup:
    """Returns which version a candidate is compared with: the served one, or if it is that itself, the one it replaced.

    So a run that is repeated on the same data after its candidate was published has the same reference as before, and
    TFX takes the Evaluator's verdict from its cache.

    Args:
        destination: where the versions are.
        candidate: the `model_digest` of the candidate.

    Raises:
        OSError, tensorflow.errors.OpError: the destination can't be read.
        ValueError: `models.config` on an object store is damaged.
    """
    store = version_store(destination)
    current = store.current()
    if current is None:
        return Lookup(found="none")
    served = read_version(store, current)
    if served.digest != candidate:
        return Lookup(found="version", version=served.version, digest=served.digest)
    return _replaced_by(served)


def _replaced_by(served: ServedVersion) -> Lookup:
    """Returns what the served model was compared with before it was published, as the verdict in its card says."""
    reference = (served.card.get("evaluation") or {}).get("served")
    if not reference:
        return Lookup(found="unrecorded")
    if reference.get("version") is None:
        return Lookup(found="unrecorded" if reference.get("outcome") == "unrecorded" else "none")
    return Lookup(found="version", version=reference["version"], digest=reference["digest"])
