"""The generated parts of docs/ as Markdown: what the package declares. cog calls it (scripts/regen).

Only tables come from here; what has to be explained is prose in docs/ itself.
"""

from __future__ import annotations

import argparse
import inspect
import signal
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from kubectl_snapshot import errors
from kubectl_snapshot.collectors import kubernetes_cluster
from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.context import Collector
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.commands.flags import ENVIRONMENT_PREFIX, REFERENCE_VARIABLES, Repeated
from kubectl_snapshot.commands.interrupts import SIGNALS
from kubectl_snapshot.document.schema import KEY_TYPES, VALUE_TYPES
from kubectl_snapshot.document.snapshot import GAP_STATUSES, OK, STATUSES, TYPES
from kubectl_snapshot.render.all_renderers import RENDERERS

OPTIONAL_TYPES = {"string": "text", "boolean": "true or false"}


def render_commands() -> str:
    """Return the verbs, each with its line of help."""
    rows = [(f"[`{name}`](#{name})", text) for name, (_, text) in COMMANDS.items()]
    return render_table(("command", "what it does"), rows)


def render_command(name: str) -> str:
    """Return usage and flags of one verb, a table per group of flags."""
    parser = import_parser(name)
    parts = [f"{parser.description}\n\n    {parser.usage}\n"]
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if a.option_strings and a.dest != "help"]
        if not actions:
            continue
        if group is not parser._optionals and group.title:
            parts.append(f"{group.title[0].upper()}{group.title[1:]}:\n")
        rows = [(render_names(a), render_values(a), str(a.help)) for a in actions]
        parts.append(render_table(("flag", "value", "meaning"), rows))
    return "\n".join(parts)


def import_parser(name: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = import_module(COMMANDS[name][0]).new_parser()
    return parser


def render_names(action: argparse.Action) -> str:
    return ", ".join(f"`{name}`" for name in sorted(action.option_strings, key=len))


def render_values(action: argparse.Action) -> str:
    """Return what a flag takes, and its default where it has one."""
    if isinstance(action.default, bool):
        return f"`true` or `false`; default `{str(action.default).lower()}`"
    if action.choices:
        taken = " or ".join(f"`{choice}`" for choice in action.choices)
    else:
        taken = f"`{action.metavar or action.dest.upper()}`"
    if isinstance(action, Repeated):
        return f"{taken}, repeatable"
    implied = getattr(action, "implied", "")
    if implied:
        taken += f"; alone: `{implied}`"
    return f"{taken}; default `{action.default}`" if action.default else taken


def render_environment() -> str:
    """Return every environment variable that stands for a flag."""
    flags: dict[str, str] = {}
    verbs: dict[str, list[str]] = {}
    for name in COMMANDS:
        for action in import_parser(name)._actions:
            if action.option_strings and action.dest != "help":
                flags[action.dest] = max(action.option_strings, key=len)
                verbs.setdefault(action.dest, []).append(name)
    rows = []
    for dest, flag in sorted(flags.items()):
        second = REFERENCE_VARIABLES.get(dest, "")
        where = "all" if len(verbs[dest]) == len(COMMANDS) else ", ".join(verbs[dest])
        rows.append((f"`{ENVIRONMENT_PREFIX}{dest.upper()}`", code(second), f"`{flag}`", where))
    return render_table(("variable", "second", "flag", "commands"), rows)


def render_exit_codes() -> str:
    """Return every exit code; what an error's code means is the docstring of its class."""
    rows: dict[int, tuple[str, str]] = {
        errors.EXIT_OK: ("", "The snapshot was made and written; gaps in it are warnings."),
        errors.EXIT_UNCLASSIFIED: ("", "An error that nobody foresaw; `--debug` shows where."),
        errors.EXIT_GAPS: ("", "With `--strict`: something could not be read."),
    }
    for number in SIGNALS:
        code_ = errors.EXIT_INTERRUPTED if number == signal.SIGINT else 128 + number
        rows[code_] = ("", f"Ended by {signal.Signals(number).name}, after cleaning up.")
    for code_name, exit_code in errors.EXIT_CODES.items():
        error = find_error(code_name)
        if error is not None:
            rows[exit_code] = (code_name, inspect.getdoc(error) or "")
    ordered = [(f"`{number}`", code(name), text) for number, (name, text) in sorted(rows.items())]
    return render_table(("exit", "code", "meaning"), ordered)


def find_error(code_name: str) -> type[errors.SnapshotError] | None:
    """Return the error of a code; the collectors' own, which never leave a collector, come later."""
    return next((e for e in errors.SnapshotError.__subclasses__() if e.code == code_name), None)


def render_measurements() -> str:
    """Return every subtype that a collector fills, in the document's order."""
    rows = [
        (f"[`{type_}`](#{type_.lower()})", f"`{name}`", describe_values(type_, name))
        for type_ in TYPES
        if type_ in ALL_COLLECTORS
        for name in ALL_COLLECTORS[type_].SUBTYPES
    ]
    return render_table(("type", "subtype", "values"), rows)


def describe_values(type_: str, subtype: str) -> str:
    """Return what the schema allows as values of a subtype."""
    kind = VALUE_TYPES.get(type_, {}).get(subtype, {}).get("type", "any scalar")
    named = KEY_TYPES.get((type_, subtype), {})
    others = [f"`{key}`: {schema['type']}" for key, schema in named.items()]
    return "; ".join([OPTIONAL_TYPES.get(kind, kind), *others])


def render_collectors() -> str:
    """Return scope, deadline and rights of each collector."""
    rows = [
        (f"`{type_}`", collector.SCOPE, f"{collector.DEADLINE_S:g} s", describe_rights(collector))
        for type_, collector in ALL_COLLECTORS.items()
    ]
    return render_table(("type", "scope", "deadline", "rights in the cluster"), rows)


def describe_rights(collector: Collector) -> str:
    rights = []
    for rule in collector.RULES:
        resource = f"{rule.resource}.{rule.group}" if rule.group else rule.resource
        rights.append(f"`{', '.join(rule.verbs)} {resource}`")
    return "; ".join(rights) or "none"


def render_statuses(meanings: Mapping[str, str]) -> str:
    """Return the statuses with their meanings, which docs/format.md gives."""
    rows = [
        (f"`{status}`", meanings[status], "yes" if status in GAP_STATUSES else "no")
        for status in STATUSES
        if status != OK
    ]
    return render_table(("status", "meaning", "a gap"), rows)


def render_server_keys() -> str:
    """Return the keys of K8s.server with their sources."""
    return render_sources(kubernetes_cluster.SERVER_FIELDS, "`{}` of `GET /version`")


def render_node_keys() -> str:
    """Return those keys of K8s.node that are copied, with their sources."""
    return render_sources(kubernetes_cluster.NODE_INFO_FIELDS, "`status.nodeInfo.{}`")


def render_sources(fields: Mapping[str, str], place: str) -> str:
    rows = [(f"`{key}`", place.format(field)) for key, field in sorted(fields.items())]
    return render_table(("key", "source"), rows)


def render_providers() -> str:
    """Return what K8s.node.provider is for the schemes that it renames."""
    rows = [(f"`{s}://…`", f"`{name}`") for s, name in kubernetes_cluster.PROVIDERS.items()]
    return render_table(("`spec.providerID`", "`provider`"), rows)


def render_patterns(patterns: Iterable[str]) -> str:
    """Return patterns in one line."""
    return ", ".join(f"`{pattern}`" for pattern in patterns) + "\n"


def render_formats() -> str:
    """Return the names of the output formats in one line."""
    return render_patterns(RENDERERS)


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(escape, line))} |\n" for line in lines)


def escape(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def code(text: str) -> str:
    return f"`{text}`" if text else ""
