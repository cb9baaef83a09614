"""Paged lists and watches that reconnect, built on single requests and streams."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot.clients.kube.errors import build_answer_error
from kubectl_snapshot.errors import RateLimitExceeded, ServiceUnavailable, SnapshotError, Timeout
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from kubectl_snapshot.clients.kube.stream import Stream

    # Both take a query; instead of a page the first may return the server's Status for 410.
    ReadPage = Callable[[dict[str, str]], dict[str, Any]]
    OpenWatch = Callable[[dict[str, str], float], Stream]

PAGE_SIZE = 500
# Five million objects, at 500 a page; etcd holds fewer.
MAX_PAGES = 10_000
# An object has at most 3 MiB (the API server's limit of a request).
MAX_EVENT_BYTES = 16 * 1024 * 1024
GONE = 410
# The server ends a watch after this time, which bounds the delay by a connection that died.
WATCH_S = 50
# In a longer one it sends a bookmark once a minute (KEP-956). It is late for so long.
BOOKMARK_S, LATE_S = 60.0, 15.0
PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
HEALTHY_S = 10.0
STOP_POLL_S = 0.5
KEPT_METADATA = ("name", "namespace", "uid", "resourceVersion", "labels", "annotations")
RETRYABLE = (ServiceUnavailable, Timeout, RateLimitExceeded)


@dataclass(frozen=True)
class WatchEvent:
    """ADDED, MODIFIED or DELETED with its object, or SYNC: all existing objects were yielded."""

    type: str
    object: dict[str, Any]


class _Expired(Exception):
    """The watch's resourceVersion is too old (410); the list has to be read again."""


def list_pages(
    read_page: ReadPage, doing: str, page_size: int = PAGE_SIZE
) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list; an expired list continues with the token of the 410 response.

    Kubernetes API concepts, "410 ResourceExpired": that token continues after the last key that was
    read, in the newest version.
    """
    token = ""
    for _ in range(MAX_PAGES):
        page = read_page({"limit": str(page_size), **({"continue": token} if token else {})})
        before, token = token, (page.get("metadata") or {}).get("continue") or ""
        if page.get("kind") == "Status":
            if not token or token == before:
                raise build_answer_error(doing, GONE, json.dumps(page).encode())
            continue
        yield page
        if not token:
            return
        if token == before:
            break
    raise ServiceUnavailable(f"cannot {doing}", why="the server's list does not end")


def watch_events(
    read_page: ReadPage,
    open_watch: OpenWatch,
    doing: str,
    stop: threading.Event,
    lists_first: bool = True,
    lasts_s: int = WATCH_S,
) -> Iterator[WatchEvent]:
    """Yield the events of Kube.watch, by watches that last `lasts_s`.

    A watch from no version begins with the objects that exist (Kubernetes API concepts, "Semantics
    for watch"): it needs no list before, until it is cut.
    """
    closer = _Closer(stop)
    known: dict[str, dict[str, Any]] = {}
    version = ""
    has_begun = False
    lists = lists_first
    failures = 0
    try:
        while not stop.is_set():
            began = time.monotonic()
            try:
                if not version and lists:
                    version = yield from _sync(list_pages(read_page, doing), known)
                    has_begun = True
                for event in _read_events(open_watch, version, doing, closer, lasts_s):
                    version = _version(event.object) or version
                    has_begun, failures = True, 0
                    if event.type != "BOOKMARK" and not _is_repeated(known, event):
                        _remember(known, event)
                        yield event
            except _Expired:
                version = ""
            except RETRYABLE:
                if lists and not has_begun:
                    raise
            lists = True
            # Also after a normal end: a server may end every watch at once.
            if time.monotonic() - began > HEALTHY_S:
                failures = 0
            stop.wait(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
            failures += 1
    finally:
        closer.end()


def _sync(
    pages: Iterator[dict[str, Any]], known: dict[str, dict[str, Any]]
) -> Generator[WatchEvent, None, str]:
    """Yield the changes since `known`, then SYNC; return the resourceVersion to watch from."""
    version = ""
    seen = set()
    for page in pages:
        # The first page's version: a later page is newer if the list expired in between.
        version = version or _version(page)
        for item in page.get("items") or ():
            uid = _uid(item)
            seen.add(uid)
            before = known.get(uid)
            known[uid] = _remembered(item)
            if before is None:
                yield WatchEvent("ADDED", item)
            elif _version(before) != _version(item):
                yield WatchEvent("MODIFIED", item)
    for uid in [uid for uid in known if uid not in seen]:
        yield WatchEvent("DELETED", known.pop(uid))
    yield WatchEvent("SYNC", {})
    return version


def _read_events(
    open_watch: OpenWatch, version: str, doing: str, closer: _Closer, lasts_s: int
) -> Iterator[WatchEvent]:
    """Yield the events of one watch until the server ends it."""
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        **({"resourceVersion": version} if version else {}),
        "timeoutSeconds": str(lasts_s),
    }
    try:
        stream = open_watch(query, min(lasts_s, BOOKMARK_S) + LATE_S)
    except SnapshotError as error:
        if error.status == GONE:
            raise _Expired from error
        raise
    closer.hold(stream)
    try:
        for line in _lines(stream):
            yield _parse_event(line, doing)
    finally:
        stream.close()


def _lines(stream: Stream) -> Iterator[bytes]:
    """Yield whole lines; the next watch sends one that was cut at the end again."""
    rest: list[bytes] = []
    size = 0
    for piece in stream:
        first, *others = piece.split(b"\n")
        rest.append(first)
        for other in others:
            yield b"".join(rest)
            rest = [other]
        size = sum(map(len, rest)) if len(rest) < 2 else size + len(first)
        if size > MAX_EVENT_BYTES:
            raise ServiceUnavailable("cannot watch", why="an event of the server does not end")


def _parse_event(line: bytes, doing: str) -> WatchEvent:
    try:
        event = json.loads(line)
        kind, content = event["type"], event["object"]
        content.keys()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ServiceUnavailable(f"cannot {doing}", why="invalid watch event") from error
    if kind != "ERROR":
        return WatchEvent(kind, content)
    status = content.get("code") or 500
    if status == GONE:
        raise _Expired
    raise build_answer_error(doing, status, json.dumps(content).encode())


def _is_repeated(known: dict[str, dict[str, Any]], event: WatchEvent) -> bool:
    """Return whether an event has the version of the object that was yielded last."""
    before = known.get(_uid(event.object))
    if before is None or event.type == "DELETED":
        return False
    return bool(_version(before)) and _version(before) == _version(event.object)


def _remember(known: dict[str, dict[str, Any]], event: WatchEvent) -> None:
    if event.type == "DELETED":
        known.pop(_uid(event.object), None)
    else:
        known[_uid(event.object)] = _remembered(event.object)


def _remembered(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object's identifying metadata, to report its deletion; saves memory."""
    metadata = item.get("metadata") or {}
    return {"metadata": {key: metadata[key] for key in KEPT_METADATA if key in metadata}}


def _uid(item: dict[str, Any]) -> str:
    metadata = item.get("metadata") or {}
    return metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}"


def _version(item: dict[str, Any]) -> str:
    return (item.get("metadata") or {}).get("resourceVersion") or ""


class _Closer:
    """Closes the watch's stream when `stop` is set: a blocked reader cannot check it."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._stream: Stream | None = None
        self._has_ended = False
        threading.Thread(target=self._wait, name="watch-closer", daemon=True).start()

    def hold(self, stream: Stream) -> None:
        self._stream = stream
        if self._stop.is_set():
            stream.close()

    def end(self) -> None:
        self._has_ended = True

    def _wait(self) -> None:
        while not self._stop.wait(STOP_POLL_S):
            if self._has_ended:
                return
        if self._stream is not None:
            self._stream.close()
