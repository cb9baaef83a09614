"""Requests as records, tried again and run side by side. How one is sent is not known here."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from kubectl_snapshot.clients.kube.errors import Retryable
from kubectl_snapshot.errors import Internal, RateLimitExceeded, SnapshotError, Timeout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RETRY_WINDOW_S = 15.0
MAX_PARALLEL = 16

JSON = "application/json, */*"
# An object, and each of a list, without its content (k8s.io/apimachinery meta/v1, of that name).
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One request: the arguments of Kube.request."""

    method: str
    path: str
    doing: str
    query: Mapping[str, str] | None = None
    body: object = None
    content_type: str = "application/json"
    deadline: float | None = None
    accept: str = JSON


@dataclass(frozen=True)
class Response:
    """An answer of success; `warnings` are the texts of its Warning headers, `date` its Date."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()
    date: str = ""


def retry(attempt: Callable[[], T], deadline: float | None) -> T:
    """Return the result of the first attempt that does not raise Retryable.

    Pauses as long as the server asks, else longer each time; gives up rather than pause past
    `deadline` or 15 s after the beginning, with the last thing the server said. A server that
    throttles is well and asks for patience: where there is a deadline, it alone ends that.
    """
    end = time.monotonic() + RETRY_WINDOW_S
    patience_end = end if deadline is None else deadline
    refusal: SnapshotError | None = None
    for count in itertools.count():
        try:
            return attempt()
        except Timeout as late:
            raise refusal or late from late.__cause__
        except Retryable as failure:
            refusal = failure.error
            pause_s = backoff_s(count) if failure.after_s is None else failure.after_s
            is_throttled = isinstance(failure.error, RateLimitExceeded)
            give_up = patience_end if is_throttled else min(end, patience_end)
            if time.monotonic() + pause_s >= give_up:
                raise failure.error from failure.__cause__
            time.sleep(pause_s)
    raise AssertionError  # itertools.count() has no end


def backoff_s(count: int) -> float:
    """Return a pause that doubles up to 2 s, less a random part: clients must not march in step."""
    from random import SystemRandom  # The shared generator belongs to the program that calls us.

    return min(0.1 * float(2**count), 2.0) * SystemRandom().uniform(0.5, 1.0)


def run_parallel(
    send: Callable[[Call], Response], calls: Sequence[Call]
) -> list[Response | SnapshotError]:
    """Return the answer or the error of each call, in their order, from at most 16 threads."""
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

    workers = min(len(calls), MAX_PARALLEL)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [
        results.get(index) or Internal(f"cannot {call.doing}", why="its thread ended early")
        for index, call in enumerate(calls)
    ]
