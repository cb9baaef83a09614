"""The flags of redaction, for the verbs that collect, and what they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.commands.flags import add_boolean_flag, add_flag, add_repeated_flag
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.document.redaction.values import Redaction


def add_redaction_flags(group: Any) -> None:
    """Add them to a parser or a group of one."""
    add_repeated_flag(
        group,
        "--redact",
        metavar="GLOB",
        help="redact what this is of, too: Type.subtype.key, * for any characters; can be repeated",
    )
    add_boolean_flag(group, "--no-redact", help="write secrets as they are; the document says so")
    add_flag(
        group,
        "--redact-key-file",
        metavar="FILE",
        default="",
        help="redact by this file's key: equal secrets are then equal in all its snapshots",
    )


def parse_redaction(
    args: argparse.Namespace, on_event: Callable[[Mapping[str, Any]], None] | None = None
) -> Redaction:
    """Return the redaction that the flags ask for; without a file it has no key.

    Raises InvalidRequest for what does not go together, and NotFound for a missing file. A file
    that others can read is told as a warning.
    """
    from kubectl_snapshot.clients.files.keyfile import is_readable_by_others, read_key
    from kubectl_snapshot.document.redaction.values import MIN_KEY_BYTES, Redaction

    if args.no_redact and (args.redact or args.redact_key_file):
        other = "--redact" if args.redact else "--redact-key-file"
        raise InvalidRequest(
            f"--no-redact and {other} do not go together", hint="leave one of them out"
        )
    if not all(args.redact):
        raise InvalidRequest("--redact has an empty value", hint="use --redact 'OS.grub.*'")
    path = args.redact_key_file
    key = read_key(path, MIN_KEY_BYTES) if path else b""
    if path and on_event and is_readable_by_others(path):
        message = f"others can read the key file {path}; use chmod 600 {path}"
        on_event({"event": "warning", "message": message})
    return Redaction(key, tuple(args.redact), is_on=not args.no_redact)
