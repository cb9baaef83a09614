"""Log each request to the API server on stderr, as kubectl does with -v=6 and above."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.clients.auth.access import Trace

# From this level of -v on, a request's headers are logged, too.
HEADERS = 7


def choose_trace(level: int, as_json: bool, stderr: TextIO) -> Trace:
    """Return the function that logs a request; credentials and bodies are not passed to it."""

    def trace(
        method: str, url: str, outcome: str, elapsed_ms: int, headers: Iterable[tuple[str, str]]
    ) -> None:
        shown = dict(headers) if level >= HEADERS else {}
        if as_json:
            event = {"event": "request", "method": method, "url": url, "outcome": outcome}
            extra = {"headers": shown} if shown else {}
            stderr.write(json.dumps({**event, "elapsed-ms": elapsed_ms, **extra}) + "\n")
            return
        lines = [f"{method} {url} {outcome} in {elapsed_ms} ms"]
        lines += [f"    {name}: {value}" for name, value in shown.items()]
        stderr.write("".join(f"{strip_control(line)}\n" for line in lines))

    return trace
