"""The flags that mute findings: by id, or by a file of ids and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.commands.flags.parser import add_repeated_flag
from kubectl_snapshot.commands.source import STDIN, refuse_stdin_twice
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    import argparse

MUTE_FLAGS = ("--mute", "--mute-file")


def add_mute_flags(parser: argparse.ArgumentParser) -> None:
    add_repeated_flag(
        parser,
        "--mute",
        variable=False,
        metavar="ID[=REASON]",
        help="do not report this finding (repeatable)",
    )
    add_repeated_flag(
        parser,
        "--mute-file",
        variable=False,
        metavar="FILE",
        help="YAML map of ids and reasons to mute (repeatable)",
    )


def read_mutes(args: argparse.Namespace, *sources: str | None) -> dict[str, str]:
    """Return the reasons by id of the flags `--mute` and `--mute-file`, files with their name."""
    from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS

    refuse_stdin_twice(*sources, *args.mute_file)
    mutes: dict[str, str] = {}
    for path in args.mute_file:
        mutes.update(_read_mute_file(path))
    mutes.update((id_, reason) for id_, _, reason in (text.partition("=") for text in args.mute))
    known = [spec.id for spec in ALL_FINDINGS]
    for id_ in mutes:
        if id_ not in known:
            rest = "list all ids with `kubectl snapshot findings SNAPSHOT -o wide`"
            raise InvalidRequest(f'unknown finding "{id_}"', hint=suggest(id_, known, rest))
    return mutes


def _read_mute_file(path: str) -> dict[str, str]:
    from kubectl_snapshot.clients.files.localfile import locate_yaml, read_input
    from kubectl_snapshot.storage.rule_files import MAX_RULES_BYTES

    content = read_input(path, MAX_RULES_BYTES)
    name = "stdin" if path == STDIN else path
    if len(content) > MAX_RULES_BYTES:
        raise InvalidRequest(f"mute file {name} is larger than {MAX_RULES_BYTES} bytes")
    line, tree = locate_yaml(content, name)
    if not isinstance(tree, dict):
        hint = "write an id and a reason on each line: `pcie-width: x8 slots, ticket 4711`"
        raise InvalidRequest(f"{name} line {line}: a mute file is a map", hint=hint)
    mutes = {}
    for id_, (line, reason) in tree.items():
        if not isinstance(reason, str):
            raise InvalidRequest(f"{name} line {line}: the reason of {id_} is not a text")
        mutes[str(id_)] = f"{reason} ({name})".lstrip()
    return mutes
