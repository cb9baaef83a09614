"""Flags that several verbs share."""

from __future__ import annotations

import argparse

from kubectl_snapshot.commands.flags.parser import add_boolean_flag, add_flag
from kubectl_snapshot.constants import API_VERSIONS, DEFAULT_TIMEOUT_S, FULL_API_VERSION

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from typing import Any


def add_gpu_flag(group: Any) -> None:
    """Add what the verbs that collect have for a document that is no use without a GPU."""
    add_boolean_flag(group, "--require-gpu", help="print nothing and exit 3 where no GPU is found")


def add_metrics_flag(group: Any) -> None:
    """Add what the verbs that collect have for Prometheus."""
    add_flag(
        group,
        "--metrics-file",
        metavar="FILE.prom",
        default="",
        help="write for node_exporter how long it took and whether it failed",
    )


def add_api_version_flag(group: Any) -> None:
    """Add what a document calls its own version, for readers that know only some."""
    add_flag(
        group,
        "--api-version",
        choices=API_VERSIONS,
        metavar="VERSION",
        default=FULL_API_VERSION,
        help=f"the document's apiVersion: {', '.join(API_VERSIONS)} (default: the first)",
    )


def add_log_flags(parser: argparse.ArgumentParser) -> None:
    """Add what every verb has."""
    group = parser.add_argument_group("what is told on stderr")
    add_boolean_flag(group, "-v", "--verbose", help="tell each collector's time and status too")
    add_boolean_flag(group, "--quiet", help="tell errors only")
    add_boolean_flag(group, "--log-json", help="tell everything as one JSON object a line")
    add_boolean_flag(group, "--debug", help="add the traceback to an error")


def parse_count(text: str) -> int:
    """Return the number that decimal digits tell."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def parse_timeout(text: str) -> float:
    """Return a timeout in seconds; 0 means the default (contract section 4.3)."""
    from kubectl_snapshot.document.destination import parse_duration

    return parse_duration(text) or DEFAULT_TIMEOUT_S
