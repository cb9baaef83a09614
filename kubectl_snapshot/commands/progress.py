"""What is told on stderr while a capture runs, and how an error reads.

A live line on a terminal, plain lines otherwise, one JSON object a line with --log-json. Words that
come from a cluster or a node lose their control characters: none may act on a terminal.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from kubectl_snapshot.commands.terminal import is_live, read_width, wants_colour
from kubectl_snapshot.errors import SnapshotError
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

CLEAR_LINE = "\r\x1b[2K"
# Told even with --quiet: somebody has to act on them.
URGENT = ("left-behind",)


def choose_progress(args: argparse.Namespace, stderr: TextIO) -> Callable[[Event], None]:
    """Return where the events of a capture go. It may be called from any thread."""
    if args.log_json:
        tell = _tell_json(stderr)
    elif args.quiet:
        tell = _tell_urgent(stderr)
    elif is_live(stderr, os.environ):
        tell = _tell_live(stderr, args.verbose)
    else:
        tell = _tell_plain(stderr, args.verbose)
    lock = threading.Lock()

    def locked(event: Event) -> None:
        with lock:
            tell(event)

    for message in getattr(args, "warnings", ()):
        locked({"event": "warning", "message": message})
    return locked


def render_event(event: Event) -> str:
    """Return an event as one line for people, empty where it says nothing to them."""
    known = RENDERERS.get(str(event.get("event", "")))
    return strip_control(known(event)) if known else ""


def render_error(error: BaseException) -> str:
    """Return an error in at most three lines: what happened, why, and what to type next."""
    if not isinstance(error, SnapshotError):
        text = strip_control(f"{type(error).__name__}: {error}")
        return f"error: {text}\n hint: run it again with --debug and report what it prints"
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
    "start": lambda e: f"starting the agent {e['job']} in namespace {e['namespace']}",
    "scheduled": lambda e: f"collecting on {e['node']}",
    "finished": lambda e: f"{e['collector']}: {e['status']} in {e['elapsed-ms']} ms",
    "warning": lambda e: f"warning: {e['message']}",
    "kept": lambda e: "kept: " + "; ".join(e["commands"]),
    "left-behind": lambda e: (
        f"left in the cluster: {'; '.join(e['reasons'])}. "
        f"Remove it with: {'; '.join(e['commands'])}"
    ),
    "written": lambda e: f"snapshot of {e['node']} written to {e['path']}",
}
VERBOSE = ("finished",)


def _tell_json(stderr: TextIO) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        _write(stderr, _json_line(event) + "\n")

    return tell


def _tell_urgent(stderr: TextIO) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        if event.get("event") in URGENT:
            _write(stderr, render_event(event) + "\n")

    return tell


def _tell_plain(stderr: TextIO, verbose: bool) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        line = render_event(event)
        if line and (verbose or event.get("event") not in VERBOSE):
            _write(stderr, line + "\n")

    return tell


def _tell_live(stderr: TextIO, verbose: bool) -> Callable[[Event], None]:
    """Return a teller that keeps one line up to date and leaves only what should stay."""
    from kubectl_snapshot.render.colour import paint_talk

    paint = paint_talk if wants_colour(stderr, os.environ) else str

    def tell(event: Event) -> None:
        line, name = render_event(event), event.get("event")
        if name == "done":
            _write(stderr, CLEAR_LINE)
        elif line and (name in ("start", "scheduled") or (name in VERBOSE and not verbose)):
            # A line that the terminal wraps could not be cleared.
            width = read_width(stderr)
            room = width - len(" ...") if width else len(line)
            _write(stderr, f"{CLEAR_LINE}{line[:room]} …")
        elif line:
            _write(stderr, f"{CLEAR_LINE}{paint(line)}\n")

    return tell


def _json_line(event: Event) -> str:
    stamped = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **event}
    return json.dumps(stamped, ensure_ascii=True)


def _write(stderr: TextIO, text: str) -> None:
    stderr.write(text)
    stderr.flush()
