"""Progress, warnings and errors on stderr.

A live line on a terminal, plain lines otherwise, one JSON object per line with --log-json. Control
characters are stripped from texts of a cluster or a node.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from kubectl_snapshot.commands.console.terminal import is_live, read_width, wants_colour
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.render.colour import paint_messages
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

CLEAR_LINE = "\r\x1b[2K"
# Logged even with --quiet: the user has to act on them.
URGENT = ("left-behind",)


def choose_progress(args: argparse.Namespace, stderr: TextIO) -> Callable[[Event], None]:
    """Return the function that logs events, chosen by the flags. It is thread-safe."""
    if args.log_json:
        log = _json_logger(stderr)
    elif args.quiet:
        log = _urgent_logger(stderr)
    elif is_live(stderr, os.environ):
        log = _live_logger(stderr, args.verbose)
    else:
        log = _plain_logger(stderr, args.verbose)
    lock = threading.Lock()

    def locked(event: Event) -> None:
        with lock:
            log(event)

    for message in getattr(args, "warnings", ()):
        locked({"event": "warning", "message": message})
    return locked


def render_event(event: Event) -> str:
    """Return an event as one line of text, "" for an event that only --log-json has."""
    known = RENDERERS.get(str(event.get("event", "")))
    return strip_control(known(event)) if known else ""


def render_error(error: BaseException) -> str:
    """Return an error in at most three lines: what failed, the cause, and a hint."""
    if not isinstance(error, SnapshotError):
        text = strip_control(f"{type(error).__name__}: {error}")
        return f"error: {text}\n hint: run it again with --debug and report the output"
    lines = [("error", error.what), ("  why", error.why), (" hint", error.hint)]
    return "\n".join(f"{name}: {strip_control(text)}" for name, text in lines if text)


def render_error_json(error: BaseException) -> str:
    """Return an error as one JSON object."""
    if isinstance(error, SnapshotError):
        fields = {"code": error.code, "what": error.what, "why": error.why, "hint": error.hint}
    else:
        fields = {"code": "", "what": f"{type(error).__name__}: {error}"}
    return _json_line({"event": "error", **fields})


RENDERERS: dict[str, Callable[[Event], str]] = {
    "plan": lambda e: e["message"],
    "start": lambda e: f"starting the agent {e['job']} in namespace {e['namespace']}",
    "scheduled": lambda e: f"collecting on {e['node']}",
    "finished": lambda e: f"{e['collector']}: {e['status']} in {e['elapsed-ms']} ms",
    "warning": lambda e: f"warning: {e['message']}",
    "kept": lambda e: "kept: " + "; ".join(e["commands"]),
    "left-behind": lambda e: (
        f"not deleted: {'; '.join(e['reasons'])}. Delete it with: {'; '.join(e['commands'])}"
    ),
    "written": lambda e: f"snapshot of {e['node']} written to {e['path']}",
    "next": lambda e: "next: " + " or ".join(f"`{command}`" for command in e["commands"]),
}
VERBOSE = ("finished",)


def _json_logger(stderr: TextIO) -> Callable[[Event], None]:
    def log(event: Event) -> None:
        _write(stderr, _json_line(event) + "\n")

    return log


def _urgent_logger(stderr: TextIO) -> Callable[[Event], None]:
    def log(event: Event) -> None:
        if event.get("event") in URGENT:
            _write(stderr, render_event(event) + "\n")

    return log


def _plain_logger(stderr: TextIO, verbose: bool) -> Callable[[Event], None]:
    def log(event: Event) -> None:
        line = render_event(event)
        if line and (verbose or event.get("event") not in VERBOSE):
            _write(stderr, line + "\n")

    return log


def _live_logger(stderr: TextIO, verbose: bool) -> Callable[[Event], None]:
    """Return a logger that overwrites one progress line and keeps warnings."""
    paint = paint_messages if wants_colour(stderr, os.environ) else str

    def log(event: Event) -> None:
        line, name = render_event(event), event.get("event")
        if name == "done":
            _write(stderr, CLEAR_LINE)
        elif line and (name in ("start", "scheduled") or (name in VERBOSE and not verbose)):
            # A wrapped line could not be cleared.
            width = read_width(stderr)
            room = width - len(" ...") if width else len(line)
            _write(stderr, f"{CLEAR_LINE}{line[:room]} …")
        elif line:
            _write(stderr, f"{CLEAR_LINE}{paint(line)}\n")

    return log


def _json_line(event: Event) -> str:
    import json  # late: 3 ms, and most runs write text

    stamped = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **event}
    return json.dumps(stamped, ensure_ascii=True)


def _write(stderr: TextIO, text: str) -> None:
    stderr.write(text)
    stderr.flush()
