"""Progress of a fleet on stderr: a live block on a terminal, a line every few seconds otherwise."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, TextIO

from kubectl_snapshot.commands.console.progress import choose_progress, render_event
from kubectl_snapshot.commands.console.terminal import is_live, read_width
from kubectl_snapshot.text import strip_control

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

# Without a terminal: between two lines of progress.
PLAIN_S = 5.0
# Failed nodes that are reported one by one; the table at the end has all.
MAX_REPORTED = 10


def choose_fleet_progress(args: argparse.Namespace, stderr: TextIO) -> Callable[[Event], None]:
    """Return the function that logs the events of a fleet, chosen by the flags; thread-safe."""
    if args.log_json or args.quiet:
        return choose_progress(args, stderr)
    is_terminal = is_live(stderr, os.environ)
    logger = FleetLogger(stderr, args.verbose, is_terminal)
    lock = threading.Lock()

    def locked(event: Event) -> None:
        with lock:
            logger.log(event)

    return locked


class FleetLogger:
    """Writes events; on a terminal the last progress is a block that the next one replaces."""

    def __init__(self, stderr: TextIO, verbose: bool, is_terminal: bool) -> None:
        self._stderr, self._verbose, self._is_terminal = stderr, verbose, is_terminal
        self._block: list[str] = []
        self._next_plain = time.monotonic() + PLAIN_S
        self._reported = 0

    def log(self, event: Event) -> None:
        """Write one event."""
        name = event.get("event")
        if name == "progress":
            self._log_progress(event)
            return
        if name == "fleet-done":
            self._redraw([])
            return
        line = self._render(event)
        if line:
            block = self._block
            self._redraw([])
            self._stderr.write(line + "\n")
            self._redraw(block)

    def _render(self, event: Event) -> str:
        name = event.get("event")
        if name == "fleet":
            return render_start(event)
        if name != "node":
            is_shown = self._verbose or name != "finished"
            return render_event(event) if is_shown else ""
        if event["status"] == "failed":
            self._reported += 1
            if self._reported > MAX_REPORTED and not self._verbose:
                return ""
        elif not self._verbose:
            return ""
        return render_node(event)

    def _log_progress(self, event: Event) -> None:
        if self._is_terminal:
            width = read_width(self._stderr)
            self._redraw([line[: width - 1] if width else line for line in render_block(event)])
        elif time.monotonic() >= self._next_plain:
            self._next_plain = time.monotonic() + PLAIN_S
            self._stderr.write(render_block(event)[0] + "\n")
            self._stderr.flush()

    def _redraw(self, block: list[str]) -> None:
        """Replace the block; a line that wraps could not be cleared."""
        if self._block:
            self._stderr.write(f"\r\x1b[{len(self._block)}A\x1b[J")
        self._block = block
        self._stderr.write("".join(f"{line}\n" for line in block))
        self._stderr.flush()


def render_start(event: Event) -> str:
    """Return the first line of a run."""
    kept = f", {event['kept']} are captured already" if event["kept"] else ""
    skipped = f", {event['skipped']} skipped" if event["skipped"] else ""
    return strip_control(
        f"capturing {event['nodes']} nodes in namespace {event['namespace']}"
        f" into {event['directory']}{skipped}{kept}"
    )


def render_node(event: Event) -> str:
    """Return one line for a node that has ended."""
    details = ": ".join(filter(None, (event.get("cause", ""), event.get("reason", ""))))
    text = f"{event['node']}: {event['status']} after {event['seconds']:g} s"
    return strip_control(f"{text}: {details}" if details else text)


def render_block(event: Event) -> list[str]:
    """Return counts, rate and estimated end in one line, and the slowest nodes in another."""
    ended = sum(event[status] for status in ("captured", "partial", "failed", "skipped"))
    counts = [
        f"{event[name]} {name}"
        for name in ("captured", "partial", "failed", "skipped", "running", "waiting")
        if event[name]
    ]
    eta = "" if event["eta-s"] is None or not event["running"] else f", {event['eta-s']} s left"
    line = f"{ended}/{event['nodes']} nodes: {', '.join(counts)}, {event['rate']}/s{eta}"
    slowest = ", ".join(event["slowest"])
    return [strip_control(line), *([strip_control(f"slowest: {slowest}")] if slowest else [])]
