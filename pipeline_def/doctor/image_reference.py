"""Asks a registry for the manifest of an image, without credentials.

References: the OCI distribution specification (HEAD /v2/<name>/manifests/<reference>), and
distribution.github.io/distribution/spec/auth/token (a token for anonymous access).
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_HUB, _HUB_HOST = "docker.io", "registry-1.docker.io"
_THIS_MACHINE = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?")
_TIMEOUT = 10.0  # seconds


class ImageReference(NamedTuple):
    """The parts of an image's name: registry, repository, and tag or digest."""

    registry: str
    repository: str
    reference: str


def parse_image(image: str) -> ImageReference:
    """Splits the name of an image as Docker does.

    >>> parse_image("registry.example/team/regpipe:1@sha256:0f")
    ImageReference(registry='registry.example', repository='team/regpipe', reference='sha256:0f')
    >>> parse_image("regpipe")
    ImageReference(registry='docker.io', repository='library/regpipe', reference='latest')
    """
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and (any(mark in first for mark in ".:") or first == "localhost")
    registry, path = (first, rest) if is_host else (_HUB, name)
    path, _, tag = path.partition(":")
    if registry == _HUB and "/" not in path:
        path = f"library/{path}"
    return ImageReference(registry, path, digest or tag or "latest")


def manifest_status(image: ImageReference) -> int:
    """Returns the HTTP status of a request for the manifest of an image: 200 if it exists, 401 if a login is needed.

    Raises:
        OSError: the registry does not answer.
    """
    scheme = "http" if _THIS_MACHINE.fullmatch(image.registry) else "https"
    host = _HUB_HOST if image.registry == _HUB else image.registry
    url = f"{scheme}://{host}/v2/{image.repository}/manifests/{image.reference}"
    status, challenge = _head(url, None)
    if status == 401 and (token := _anonymous_token(challenge)):
        status, _ = _head(url, token)
    return status


def _head(url: str, token: str | None) -> tuple[int, str]:
    headers = {"Accept": _ACCEPT} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        request = urllib.request.Request(url, headers=headers, method="HEAD")
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            return int(response.status), ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("WWW-Authenticate", "")


def _anonymous_token(challenge: str) -> str | None:
    """Returns the token that the registry's authorization service gives to everyone; None if it gives none."""
    if not challenge.lower().startswith("bearer "):
        return None
    parts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = parts.pop("realm", "")
    if not realm.startswith(("http://", "https://")):
        return None
    query = urllib.parse.urlencode({name: parts[name] for name in ("service", "scope") if name in parts})
    try:
        with urllib.request.urlopen(f"{realm}?{query}", timeout=_TIMEOUT) as response:
            given = json.load(response)
        return str(given.get("token") or given["access_token"])
    except (OSError, ValueError, LookupError, AttributeError):
        return None
