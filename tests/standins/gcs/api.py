"""The JSON API of Google Cloud Storage, and downloads by its XML API, as far as TensorFlow and Beam use them.

Sources: https://cloud.google.com/storage/docs/json_api/v1 (objects: list, get, insert, delete, rewrite, copy;
buckets: get, getStorageLayout), https://cloud.google.com/storage/docs/performing-resumable-uploads, https://cloud.google.com/storage/docs/batch
and https://cloud.google.com/storage/docs/xml-api/get-object-download; for the tokens
https://developers.google.com/identity/protocols/oauth2/service-account.
"""

import email.parser
import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.standins.gcs.store import NotFound, Object, PreconditionFailed, Store

TOKEN = "the-token-of-the-test"
_OBJECT = r"/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)"


@dataclass(frozen=True)
class Request:
    """A request; the names of its headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Upload:
    """A resumable upload in progress: its object does not exist before the upload is complete."""

    bucket: str
    name: str
    generation: str | None
    content: bytes = b""


class Api:
    """Responds to requests for the objects of a store. Every request except that for a token needs the token.

    An unknown request gets status 501 and is recorded in `unknown`, as clients hide it by retrying.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.token = TOKEN
        self.unknown: list[str] = []
        self._uploads: dict[str, _Upload] = {}
        self._numbers = itertools.count(1)
        self._routes: list[tuple[str, str, Callable[..., Answer]]] = [
            ("GET", r"/storage/v1/b/(?P<bucket>[^/]+)", self._bucket),
            ("GET", r"/storage/v1/b/(?P<bucket>[^/]+)/storageLayout", self._layout),
            ("GET", r"/storage/v1/b/(?P<bucket>[^/]+)/o", self._list),
            ("GET", rf"(/download)?{_OBJECT}", self._get),
            ("DELETE", _OBJECT, self._delete),
            ("POST", rf"{_OBJECT}/rewriteTo/b/(?P<to>[^/]+)/o/(?P<new>[^/]+)", self._rewrite),
            ("POST", rf"{_OBJECT}/copyTo/b/(?P<to>[^/]+)/o/(?P<new>[^/]+)", self._copy),
            ("POST", r"/upload/storage/v1/b/(?P<bucket>[^/]+)/o", self._insert),
            ("PUT", r"/upload/storage/v1/b/(?P<bucket>[^/]+)/o", self._resume),
            ("POST", r"/batch/storage/v1", self._batch),
            ("GET", r"/v1/projects/-/serviceAccounts/[^/]+/allowedLocations", self._locations),
            ("GET", r"/(?P<bucket>[a-z][a-z0-9-]+)/(?P<name>[^/]+)", self._download),
        ]

    def answer(self, request: Request) -> Answer:
        """Returns the response to a request."""
        if request.method == "POST" and request.path.endswith("/token"):
            return _json({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "Invalid Credentials")
        try:
            return self._routed(request)
        except NotFound as error:
            return _error(404, str(error))
        except PreconditionFailed as error:
            return _error(412, str(error))

    def _routed(self, request: Request) -> Answer:
        for method, pattern, route in self._routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return route(request, **{key: unquote(text) for key, text in found.groupdict().items()})
        self.unknown.append(f"{request.method} {request.target}")
        return _error(501, f"{self.unknown[-1]} is not part of this server")

    def _locations(self, request: Request) -> Answer:
        """The locations of the account: all (https://cloud.google.com/iam/docs/reference/credentials/rest)."""
        return _json({"locations": [], "encodedLocations": "0x0"})

    def _bucket(self, request: Request, bucket: str) -> Answer:
        if not self.store.has(bucket):
            raise NotFound("The specified bucket does not exist.")
        return _json({"kind": "storage#bucket", "id": bucket, "name": bucket, "location": "EU"})

    def _layout(self, request: Request, bucket: str) -> Answer:
        """The layout of a bucket without a hierarchical namespace, where folders are prefixes of names."""
        self._bucket(request, bucket)
        layout = {
            "location": "EU",
            "locationType": "multi-region",
            "hierarchicalNamespace": {"enabled": False},
        }
        return _json({"kind": "storage#storageLayout", "bucket": bucket, **layout})

    def _list(self, request: Request, bucket: str) -> Answer:
        """One page of the sorted names and, with a delimiter, of the common prefixes up to it."""
        query = request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        entries: dict[str, bool] = {}
        for name in self.store.names(bucket):
            if name.startswith(prefix):
                end = name.find(delimiter, len(prefix)) if delimiter else -1
                entries[name if end < 0 else name[: end + len(delimiter)]] = end >= 0
        page = [entry for entry in entries if entry > query.get("pageToken", "")]
        size = min(int(query.get("maxResults", 1000)), 1000)
        found: dict[str, Any] = {"kind": "storage#objects"}
        if len(page) > size:
            page = page[:size]
            found["nextPageToken"] = page[-1]
        if items := [self.store.get(bucket, name).resource() for name in page if not entries[name]]:
            found["items"] = items
        if prefixes := [name for name in page if entries[name]]:
            found["prefixes"] = prefixes
        return _json(found)

    def _get(self, request: Request, bucket: str, name: str) -> Answer:
        if request.query.get("alt") == "media":
            return self._download(request, bucket, name)
        return _json(self.store.get(bucket, name).resource())

    def _download(self, request: Request, bucket: str, name: str) -> Answer:
        """The content, or a range of it; a range that begins after the end is an error (416)."""
        found = self.store.get(bucket, name)
        content, size = found.content, len(found.content)
        headers = {"x-goog-generation": str(found.generation), "etag": str(found.generation)}
        requested = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not requested:
            return Answer(200, content, headers)
        first, last = int(requested[1]), min(int(requested[2] or size), size - 1)
        if first >= size:
            return Answer(416, b"", {"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Answer(206, content[first : last + 1], headers)

    def _delete(self, request: Request, bucket: str, name: str) -> Answer:
        self.store.remove(bucket, name)
        return Answer(204)

    def _rewrite(self, request: Request, bucket: str, name: str, to: str, new: str) -> Answer:
        copied = self._copied(request, bucket, name, to, new)
        size = str(len(copied.content))
        done = {"totalBytesRewritten": size, "objectSize": size, "done": True, "resource": copied.resource()}
        return _json({"kind": "storage#rewriteResponse", **done})

    def _copy(self, request: Request, bucket: str, name: str, to: str, new: str) -> Answer:
        return _json(self._copied(request, bucket, name, to, new).resource())

    def _copied(self, request: Request, bucket: str, name: str, to: str, new: str) -> Object:
        content = self.store.get(bucket, name).content
        return self.store.put(to, new, content, request.query.get("ifGenerationMatch"))

    def _insert(self, request: Request, bucket: str) -> Answer:
        query = request.query
        kind, generation = query["uploadType"], query.get("ifGenerationMatch")
        if kind == "media":
            return _json(self.store.put(bucket, query["name"], request.body, generation).resource())
        if kind == "multipart":
            about, content = _parts(request)
            return _json(self.store.put(bucket, json.loads(about)["name"], content, generation).resource())
        self._bucket(request, bucket)
        upload = f"upload-{next(self._numbers)}"
        name = query.get("name") or json.loads(request.body)["name"]
        self._uploads[upload] = _Upload(bucket, name, generation)
        host = request.headers["host"]
        where = f"https://{host}{request.path}?uploadType=resumable&upload_id={upload}"
        return Answer(200, b"", {"Location": where})

    def _resume(self, request: Request, bucket: str) -> Answer:
        """One chunk: others follow `bytes 0-9/*`, `bytes 0-9/10` is the last, `bytes */10` queries the progress."""
        number = request.query["upload_id"]
        if number not in self._uploads:
            return _error(404, "no such upload")
        upload = self._uploads[number]
        size = len(upload.content) + len(request.body)
        chunk = re.fullmatch(r"bytes (\*|(\d+)-(\d+))/(\*|\d+)", request.headers.get("content-range", ""))
        if chunk:
            if chunk[2] and (int(chunk[2]) != len(upload.content) or int(chunk[3]) != size - 1):
                return _error(400, f"{chunk[0]}: has {len(upload.content)} and got {len(request.body)} bytes")
            upload.content += request.body
            if chunk[4] == "*" or int(chunk[4]) != size:
                return Answer(308, b"", {"Range": f"bytes=0-{size - 1}"} if size else {})
        else:
            upload.content += request.body
        del self._uploads[number]
        return _json(self.store.put(bucket, upload.name, upload.content, upload.generation).resource())

    def _batch(self, request: Request) -> Answer:
        """Several requests in the parts of one; the response has one part for each."""
        answers = []
        for part in _parts(request):
            head, _, body = part.replace(b"\r\n", b"\n").partition(b"\n\n")
            line, *rest = head.decode().splitlines()
            method, target, _ = line.split()
            given = {key.lower(): value.strip() for key, _, value in (text.partition(":") for text in rest)}
            inner = {"authorization": request.headers["authorization"], **given}
            one = self.answer(Request(method, target, inner, body))
            status_and_headers = f"HTTP/1.1 {one.status} -\r\nContent-Type: application/json\r\n\r\n".encode()
            answers.append(
                b"--batch\r\nContent-Type: application/http\r\n\r\n" + status_and_headers + one.body + b"\r\n"
            )
        whole = b"".join(answers) + b"--batch--\r\n"
        return Answer(200, whole, {"Content-Type": "multipart/mixed; boundary=batch"})


def _parts(request: Request) -> list[bytes]:
    """Returns the bodies of the parts of a multipart request."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser().parsebytes(head + request.body)
    return [bytes(part.get_payload(decode=True)) for part in message.get_payload()]  # type: ignore[union-attr]


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def _error(status: int, message: str) -> Answer:
    return _json({"error": {"code": status, "message": message}}, status)
