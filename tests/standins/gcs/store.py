"""The objects of the buckets, which are created, replaced and deleted atomically."""

import base64
import datetime
import hashlib
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import google_crc32c


class NotFound(LookupError):
    """The bucket or object does not exist."""


class PreconditionFailed(Exception):
    """The object does not have the generation that the request requires."""


@dataclass(frozen=True)
class Object:
    """One generation of an object; replacing the object creates a new one."""

    bucket: str
    name: str
    content: bytes
    generation: int
    updated: str

    def resource(self) -> dict[str, Any]:
        """The resource in https://cloud.google.com/storage/docs/json_api/v1/objects#resource."""
        crc = google_crc32c.value(self.content).to_bytes(4, "big")
        md5 = hashlib.md5(self.content, usedforsecurity=False).digest()
        return {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": "application/octet-stream",
            "storageClass": "STANDARD",
            "size": str(len(self.content)),
            "md5Hash": base64.b64encode(md5).decode(),
            "crc32c": base64.b64encode(crc).decode(),
            "etag": str(self.generation),
            "timeCreated": self.updated,
            "updated": self.updated,
        }


class Store:
    """Buckets by name, with strong consistency: the next request sees each change."""

    def __init__(self, *buckets: str) -> None:
        self._objects: dict[str, dict[str, Object]] = {bucket: {} for bucket in buckets}
        self._generations = itertools.count(1_700_000_000_000_000)
        self._lock = threading.Lock()
        self.now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)

    def has(self, bucket: str) -> bool:
        return bucket in self._objects

    def names(self, bucket: str) -> list[str]:
        """Returns the names, sorted by their bytes as in the API."""
        with self._lock:
            return sorted(self._bucket(bucket), key=str.encode)

    def get(self, bucket: str, name: str) -> Object:
        with self._lock:
            try:
                return self._bucket(bucket)[name]
            except KeyError:
                raise NotFound(f"No such object: {bucket}/{name}") from None

    def put(self, bucket: str, name: str, content: bytes, generation: str | None = None) -> Object:
        """Creates or replaces an object; `generation` is the one it must have now, "0" if it must not exist."""
        with self._lock:
            objects = self._bucket(bucket)
            found = objects[name].generation if name in objects else 0
            if generation is not None and int(generation) != found:
                raise PreconditionFailed(f"{bucket}/{name} is of generation {found}, not {generation}")
            now = self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
            objects[name] = Object(bucket, name, content, next(self._generations), now)
            return objects[name]

    def remove(self, bucket: str, name: str) -> None:
        self.get(bucket, name)
        with self._lock:
            del self._objects[bucket][name]

    def _bucket(self, bucket: str) -> dict[str, Object]:
        if bucket not in self._objects:
            raise NotFound("The specified bucket does not exist.")
        return self._objects[bucket]
