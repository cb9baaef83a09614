"""The flags of the collectors and of redaction, and the CollectSettings that they give."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.commands.flags.parser import add_boolean_flag, add_flag, add_repeated_flag
from kubectl_snapshot.commands.flags.shared import parse_count
from kubectl_snapshot.constants import PROFILES, STANDARD
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kubectl_snapshot.document.redaction.values import Redaction
    from kubectl_snapshot.settings import CollectSettings


def add_collect_flags(group: Any) -> None:
    """Add the options of the collectors to a parser or a group of one."""
    add_flag(
        group,
        "--profile",
        choices=PROFILES,
        default=STANDARD,
        help=f"how much to collect; reference: AICR's types only (default: {STANDARD})",
    )
    add_repeated_flag(
        group,
        "--collect",
        metavar="TYPE[,TYPE]",
        help="measurement types to collect (repeatable; default: all)",
    )
    add_repeated_flag(
        group,
        "--skip",
        metavar="TYPE[,TYPE]",
        help="measurement types to leave out (repeatable)",
    )
    add_repeated_flag(
        group,
        "--helm-namespace",
        metavar="NAME",
        help="namespace to read Helm releases from, or '*' (repeatable; default: none)",
    )
    add_repeated_flag(
        group,
        "--helm-namespaces",
        variable=False,
        metavar="NAME[,NAME]",
        help="AICR's form of --helm-namespace (repeatable)",
    )
    add_boolean_flag(
        group,
        "--helm-all-namespaces",
        variable=False,
        help="AICR's form of --helm-namespace '*'",
    )
    add_flag(
        group,
        "--max-nodes-per-entry",
        type=parse_count,
        metavar="N",
        default=0,
        help="node names listed per taint or label (default: 0, no limit)",
    )
    add_repeated_flag(
        group,
        "--systemd-service",
        metavar="UNIT",
        help="also read this systemd unit or pattern, such as 'slurm*' (repeatable)",
    )
    add_boolean_flag(
        group, "--no-kernel-log", help="do not count failures in the node's kernel log"
    )


def add_redaction_flags(group: Any) -> None:
    """Add the options of redaction to a parser or a group of one."""
    add_repeated_flag(
        group,
        "--redact",
        metavar="GLOB",
        help="also redact matching readings (Type.subtype.key; repeatable)",
    )
    add_boolean_flag(
        group, "--no-redact", help="write secrets unredacted; recorded in the metadata"
    )
    add_flag(
        group,
        "--redact-key-file",
        metavar="FILE",
        default="",
        help="redaction key: equal secrets get equal hashes",
    )


def parse_settings(
    args: argparse.Namespace, on_event: Callable[[Mapping[str, Any]], None] | None = None
) -> CollectSettings:
    """Return the settings that the flags give; the decoder of `settings.build_arguments`.

    Raises InvalidRequest for an invalid or contradictory value, NotFound for a missing key file.
    """
    from kubectl_snapshot.collectors.systemd.collector import parse_units
    from kubectl_snapshot.settings import CollectSettings

    return CollectSettings(
        redaction=parse_redaction(args, on_event),
        collectors=split_names("--collect", args.collect),
        skipped=split_names("--skip", args.skip),
        helm_namespaces=parse_helm_namespaces(args),
        max_nodes_per_entry=args.max_nodes_per_entry,
        systemd_services=parse_units(args.systemd_service),
        profile=args.profile,
        skips_kernel_log=args.no_kernel_log,
    )


def parse_helm_namespaces(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the namespaces; without any, import none of the cluster's collectors."""
    names = [*args.helm_namespace, *(n for v in args.helm_namespaces for n in v.split(","))]
    if args.helm_all_namespaces and names:
        raise InvalidRequest(
            "--helm-all-namespaces and --helm-namespaces are mutually exclusive",
            hint="leave one of them out",
        )
    names = ["*"] if args.helm_all_namespaces else names
    if not names:
        return ()
    from kubectl_snapshot.collectors.kubernetes.helm import parse_namespaces

    return parse_namespaces(names)


def split_names(flag: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return the names of repeated, comma-separated lists, each once."""
    names = [name.strip() for value in values for name in value.split(",")]
    if not all(names):
        raise InvalidRequest(f"{flag} has an empty name", hint=f"use {flag} OS,GPU")
    return tuple(dict.fromkeys(names))


def parse_redaction(
    args: argparse.Namespace, on_event: Callable[[Mapping[str, Any]], None] | None = None
) -> Redaction:
    """Return the redaction that the flags give; its key is empty without --redact-key-file.

    Warns about a key file that others can read.
    """
    from kubectl_snapshot.clients.files.keyfile import is_readable_by_others, read_key
    from kubectl_snapshot.document.redaction.values import MIN_KEY_BYTES, Redaction

    if args.no_redact and (args.redact or args.redact_key_file):
        other = "--redact" if args.redact else "--redact-key-file"
        raise InvalidRequest(
            f"--no-redact and {other} are mutually exclusive", hint="leave one of them out"
        )
    if not all(args.redact):
        raise InvalidRequest("--redact has an empty value", hint="use --redact 'OS.grub.*'")
    path = args.redact_key_file
    key = read_key(path, MIN_KEY_BYTES) if path else b""
    if path and on_event and is_readable_by_others(path):
        message = f"others can read the key file {path}; use chmod 600 {path}"
        on_event({"event": "warning", "message": message})
    return Redaction(key, tuple(args.redact), is_on=not args.no_redact)
