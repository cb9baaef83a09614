"""Flags shared by several commands."""

from __future__ import annotations

import argparse

from kubectl_snapshot.commands.flags.durations import parse_duration
from kubectl_snapshot.commands.flags.parser import add_boolean_flag, add_flag, add_optional_flag
from kubectl_snapshot.constants import API_VERSIONS, DEFAULT_TIMEOUT_S, FULL_API_VERSION

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from typing import Any


def add_gpu_flag(group: Any) -> None:
    """Add --require-gpu."""
    add_boolean_flag(group, "--require-gpu", help="print nothing and exit 3 if no GPU is found")


def add_metrics_flag(group: Any) -> None:
    """Add --metrics-file."""
    add_flag(
        group,
        "--metrics-file",
        metavar="FILE.prom",
        default="",
        help="write duration and success for node_exporter",
    )


def add_api_version_flag(group: Any, default: str = FULL_API_VERSION) -> None:
    """Add --api-version, for readers that accept only one version; "" keeps a document's own."""
    others = [version for version in API_VERSIONS if version != default]
    add_flag(
        group,
        "--api-version",
        choices=API_VERSIONS,
        metavar="VERSION",
        default=default,
        help=f"apiVersion to write (default: {default or 'unchanged'}; or {' or '.join(others)})",
    )


def add_log_flags(parser: argparse.ArgumentParser) -> None:
    """Add the logging flags, which every command has."""
    group = parser.add_argument_group("logging")
    add_optional_flag(
        group,
        "-v",
        "--verbose",
        implied="1",
        type=parse_verbosity,
        default=0,
        metavar="LEVEL",
        help="log each collector; -v=6: also each request",
    )
    add_boolean_flag(group, "--quiet", help="log errors only")
    add_boolean_flag(group, "--log-json", help="log one JSON object per line")
    add_boolean_flag(group, "--debug", help="add tracebacks to errors, log each request")


def parse_verbosity(text: str) -> int:
    """Return a level as kubectl's, 0 to 10; `true` is 1, `false` 0."""
    levels = {"true": 1, "false": 0, **{str(level): level for level in range(11)}}
    if text not in levels:
        raise argparse.ArgumentTypeError(f'invalid level "{text}": use 0 to 10')
    return levels[text]


def parse_count(text: str) -> int:
    """Return a non-negative integer."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f'invalid number "{text}": use 0 or more')
    return int(text)


def parse_timeout(text: str) -> float:
    """Return a timeout in seconds; 0 or no text is the default (contract section 4.3)."""
    return (parse_duration(text) if text else 0.0) or DEFAULT_TIMEOUT_S
