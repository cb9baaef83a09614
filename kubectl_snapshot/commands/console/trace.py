"""Log each request to the API server on stderr, as kubectl does with -v=6 and above."""

from __future__ import annotations

import json
from shlex import quote
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    from kubectl_snapshot.clients.auth.access import Headers, Trace

# The levels of -v from which on the request's headers, the answer's, and a curl command follow.
# kubectl's 8 also logs bodies; ours may hold secrets, and are never logged.
HEADERS, ANSWER_HEADERS, CURL = 7, 8, 9
SECRET_HEADERS = ("authorization", "set-cookie", "www-authenticate", "location")


def choose_trace(level: int, as_json: bool, stderr: TextIO) -> Trace:
    """Return the function that logs a request; credentials and bodies are not passed to it."""

    def trace(
        method: str, url: str, outcome: str, elapsed_ms: int, headers: Headers, answered: Headers
    ) -> None:
        shown = dict(headers) if level >= HEADERS else {}
        answer = _without_secrets(answered) if level >= ANSWER_HEADERS else {}
        if as_json:
            event = {"event": "request", "method": method, "url": url, "outcome": outcome}
            parts = {"headers": shown, "answer-headers": answer}
            extra = {name: part for name, part in parts.items() if part}
            stderr.write(json.dumps({**event, "elapsed-ms": elapsed_ms, **extra}) + "\n")
            return
        lines = [f"{method} {url} {outcome} in {elapsed_ms} ms"]
        lines += [f"    {name}: {value}" for name, value in shown.items()]
        lines += [f"    < {name}: {value}" for name, value in answer.items()]
        if level >= CURL:
            options = "".join(f" -H {quote(f'{k}: {v}')}" for k, v in shown.items())
            lines.append(f"    curl -X{method}{options} {quote(url)}")
        stderr.write("".join(f"{strip_control(line)}\n" for line in lines))

    return trace


def _without_secrets(headers: Headers) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in SECRET_HEADERS}
