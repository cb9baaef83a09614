"""Requests and responses as records, retries with backoff, parallel requests."""

from __future__ import annotations

import itertools
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from kubectl_snapshot.clients.kube.errors import Retryable
from kubectl_snapshot.errors import (
    Internal,
    RateLimitExceeded,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
)
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RETRY_WINDOW_S = 15.0
# k8s.io/apiserver, admission/plugin/webhook: its server does not answer (HTTP 500).
WEBHOOK_MARK = "failed calling webhook"
WEBHOOK_WINDOW_S = 3.0
MAX_RETRY_AFTER_S = 60.0
MAX_PARALLEL = 16

JSON = "application/json, */*"
# A log: its body is not parsed.
TEXT = "text/plain, */*"
# Metadata only, of an object or of each item of a list (k8s.io/apimachinery meta/v1).
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One request; `doing` completes "cannot …" in errors, `deadline` is in time.monotonic()."""

    method: str
    path: str
    doing: str
    query: Mapping[str, str] | None = None
    body: object = None
    content_type: str = "application/json"
    deadline: float | None = None
    accept: str = JSON
    is_stream: bool = False

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the request's own headers; a stream comes as it is written, not compressed."""
        plain = (("Accept", self.accept), ("Content-Type", self.content_type))
        return plain if self.is_stream else (*plain, ("Accept-Encoding", "gzip"))


@dataclass(frozen=True)
class Response:
    """A successful response; `warnings` are its Warning headers, `date` its Date header."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()
    date: str = ""

    def read_map(self, name: str) -> dict[str, Any]:
        """Return a map of the body, such as `metadata`; ServiceUnavailable if it has none."""
        found = self.body.get(name) if isinstance(self.body, dict) else None
        if not isinstance(found, dict):
            raise ServiceUnavailable("invalid response of the API server", why=f"it has no {name}")
        return found

    def read_uid(self) -> str:
        """Return the object's UID; ServiceUnavailable if it has none."""
        uid = self.read_map("metadata").get("uid")
        if not isinstance(uid, str) or not uid:
            why = "it has no metadata.uid"
            raise ServiceUnavailable("invalid response of the API server", why=why)
        return uid


def retry(attempt: Callable[[], T], deadline: float | None) -> T:
    """Return the result of the first attempt that does not raise Retryable.

    Pauses for the server's Retry-After, else with exponential backoff. Raises the last error
    before a pause would pass `deadline` or 15 s from the start; a throttling server (429) is
    retried until `deadline`, where there is one. A pause of more than a minute is not waited for.
    """
    start = time.monotonic()
    end = start + RETRY_WINDOW_S
    throttled_end = end if deadline is None else deadline
    refusal: SnapshotError | None = None
    for count in itertools.count():
        try:
            return attempt()
        except Timeout as timeout:
            raise refusal or timeout from timeout.__cause__
        except Retryable as failure:
            refusal = failure.error
            pause_s = backoff_s(count) if failure.after_s is None else failure.after_s
            is_throttled = isinstance(failure.error, RateLimitExceeded)
            give_up = throttled_end if is_throttled else min(end, throttled_end)
            if WEBHOOK_MARK in failure.error.why:
                # It rolls within seconds, or is dead.
                give_up = min(give_up, start + WEBHOOK_WINDOW_S)
            if pause_s > MAX_RETRY_AFTER_S or time.monotonic() + pause_s >= give_up:
                raise failure.error from failure.__cause__
            time.sleep(pause_s)
    raise AssertionError  # itertools.count() has no end


def backoff_s(count: int) -> float:
    """Return an exponential backoff of at most 2 s with jitter."""
    from random import SystemRandom  # late: 5 ms, and most requests are sent once

    # SystemRandom: the module's generator and its seed belong to the calling program.
    return min(0.1 * float(2**count), 2.0) * SystemRandom().uniform(0.5, 1.0)


def run_parallel(
    send: Callable[[Call], Response], calls: Sequence[Call], max_threads: int = MAX_PARALLEL
) -> list[Response | SnapshotError]:
    """Return the response or the error of each call, in their order."""
    results: dict[int, Response | SnapshotError] = {}
    waiting = iter(list(enumerate(calls)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                index, call = next(waiting, (-1, None))
            if call is None:
                return
            try:
                results[index] = send(call)
            except SnapshotError as error:
                results[index] = error

    workers = min(len(calls), max_threads)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [
        results.get(index) or Internal(f"cannot {call.doing}", why="its thread ended early")
        for index, call in enumerate(calls)
    ]


def parse_warnings(values: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of Warning headers (RFC 7234 section 5.5), without control characters."""
    texts = (re.sub(r"\\(.)", r"\1", text) for v in values for text in _WARNING.findall(v))
    return tuple(map(strip_control, texts))


def parse_date(value: str) -> float | None:
    """Return a Date header (RFC 9110, IMF-fixdate) in seconds since the epoch, None if invalid."""
    import calendar  # late: 1 ms, and only what a run creates needs the server's clock

    try:
        _, day, month, year, clock, zone = value.split()
        fields = (int(year), MONTHS.index(month) + 1, int(day), *map(int, clock.split(":")))
        return float(calendar.timegm((*fields, 0, 0, 0))) if zone == "GMT" else None
    except ValueError:
        return None


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return a Retry-After header (RFC 9110, 10.2.3) in seconds, None if absent or invalid."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value.strip())
    from email.utils import parsedate_to_datetime  # late: 5 ms, and servers send seconds

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None
