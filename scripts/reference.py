"""The generated parts of docs/, in Markdown: what the package declares. Run by cog (scripts/regen).

Only tables come from here; what has to be explained is prose in docs/ itself.
"""

from __future__ import annotations

import argparse
import inspect
import signal
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_snapshot import errors
from kubectl_snapshot.clients.gpu import fields as nvml_fields
from kubectl_snapshot.clients.metrics import FLEET_METRICS, METRICS, Collection, FleetCollection
from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.collectors.all_findings import ALL_FINDINGS
from kubectl_snapshot.collectors.gpu.smi.report import GPU_ELEMENTS, SYSTEM_ELEMENTS
from kubectl_snapshot.collectors.kubernetes import distribution, node
from kubectl_snapshot.collectors.operating_system import sysctl
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.collectors.systemd import collector as systemd
from kubectl_snapshot.commands.all_commands import ANSWERING, COMMANDS, DEFAULT_COMMAND
from kubectl_snapshot.commands.console.interrupts import SIGNALS
from kubectl_snapshot.commands.flags.environment import variable_names
from kubectl_snapshot.commands.flags.parser import CONNECTION
from kubectl_snapshot.document.diff.ignored import IgnoredPath, list_identity, list_volatile
from kubectl_snapshot.document.diff.ranking import list_ranks
from kubectl_snapshot.document.findings.spec import SEVERITIES
from kubectl_snapshot.document.redaction.shapes import SHAPES
from kubectl_snapshot.document.registry import HEALTH, MISSING, STOPPED, SubtypeSpec
from kubectl_snapshot.job.manifest import LOG_SHIPPER_ANNOTATIONS, LOG_SHIPPER_LABELS
from kubectl_snapshot.job.options import JobOptions
from kubectl_snapshot.job.rbac.user_permissions import build_user_permissions

if TYPE_CHECKING:
    from kubectl_snapshot.collectors.run.context import Collector

ROOT = Path(__file__).resolve().parent.parent

# Types that have a section of their own in docs/format.md.
WRITTEN_BY_HAND = ("K8s", "NodeTopology")

TYPE_WORDS = {"string": "text", "integer": "integer", "boolean": "true or false"}


def render_commands() -> str:
    """Return the verbs, each with its line of help."""
    rows = [(f"[`{name}`](#{name})", text) for name, (_, text) in COMMANDS.items()]
    return render_table(("command", "what it does"), rows)


def render_metrics() -> str:
    """Return the metrics with their labels; a sample of each tells which it has."""
    made = Collection("node", True, 0.0, 0.0, {"OS": 0.0}, {"OS": 0})
    rows = []
    for name, (text, read) in METRICS.items():
        labels = [label for own, _ in read(made) for label in ("node", *own)]
        rows.append((f"`{name}`", ", ".join(f"`{label}`" for label in labels), text))
    return render_table(("metric", "labels", "meaning"), rows)


def render_fleet_metrics() -> str:
    """Return the metrics of a schedule with their labels."""
    made = FleetCollection(True, {"captured": 1}, 0, {"critical": 0})
    rows = []
    for name, (text, read) in FLEET_METRICS.items():
        labels = [label for own, _ in read(made) for label in own]
        rows.append((f"`{name}`", ", ".join(f"`{label}`" for label in labels), text))
    return render_table(("metric", "labels", "meaning"), rows)


def render_command(name: str) -> str:
    """Return usage and flags of one command, a table per group; a group is shown once per page."""
    parser = import_parser(name)
    parts = [f"{parser.description}\n\n    {parser.usage}\n"]
    shown = {
        title: (owner, table)
        for owner in (DEFAULT_COMMAND, "options")
        for title, table in render_groups(import_parser(owner)).items()
        if owner != name and (title == CONNECTION) == (owner == "options")
    }
    repeated: dict[str, list[str]] = {}
    for title, table in render_groups(parser).items():
        owner, shown_table = shown.get(title, ("", ""))
        if shown_table == table:
            repeated.setdefault(owner, []).append(title)
        else:
            parts.append(f"{capitalize(title)}:\n\n{table}" if title else table)
    for owner, titles in repeated.items():
        parts.append(f"As in [`{owner}`](#{owner}): {', '.join(titles)}.\n")
    return "\n".join(parts)


def render_groups(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the table of each group of flags; the title of what is in no group is empty."""
    tables: dict[str, str] = {}
    for group in parser._action_groups:
        rows = [(render_flag(a), explain_flag(a)) for a in group._group_actions if is_shown(a)]
        if rows:
            title = "" if group is parser._optionals else group.title or ""
            table = render_table(("flag", "meaning"), rows)
            tables[title] = f"{group.description}\n\n{table}" if group.description else table
    return tables


def import_parser(name: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = import_module(COMMANDS[name][0]).build_parser()
    return parser


def is_flag(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.dest != "help"


def is_shown(action: argparse.Action) -> bool:
    """Return whether the help lists a flag; it does not list those that only @live uses."""
    return is_flag(action) and action.help is not argparse.SUPPRESS


def render_flag(action: argparse.Action) -> str:
    """Return the names of a flag, the longest with its value."""
    *short, name = sorted(action.option_strings, key=len)
    choices = ("true", "false") if isinstance(action.default, bool) else tuple(action.choices or ())
    value = "|".join(choices) or str(action.metavar or action.dest.upper())
    taken = f"{name}[={value}]" if hasattr(action, "implied") else f"{name} {value}"
    return ", ".join(f"`{word}`" for word in (*short, taken))


def explain_flag(action: argparse.Action) -> str:
    """Return a flag's help, with its default if the help does not have it."""
    text = str(action.help)
    if action.default and not isinstance(action.default, bool) and "default" not in text:
        text += f" (default: {action.default})"
    return text


def render_environment() -> str:
    """Return every environment variable that stands for a flag."""
    rows: dict[str, list[str]] = {}
    for name in COMMANDS:
        for action in filter(is_flag, import_parser(name)._actions):
            names = [code(variable) for variable in variable_names(action)]
            if not names:
                continue
            ours, *second = names
            flag = max(action.option_strings, key=len)
            row = rows.setdefault(flag, [ours, "".join(second), f"`{flag}`", ""])
            row[3] = f"{row[3]}, {name}" if row[3] else name
    for row in rows.values():
        row[3] = "all" if row[3] == ", ".join(COMMANDS) else row[3]
    ordered = sorted(rows.values(), key=lambda row: row[0].strip("`"))
    return render_table(("variable", "second variable", "flag", "commands"), ordered)


def render_exit_codes() -> str:
    """Return the table of exit codes; an error class's docstring is its meaning."""
    rows: dict[int, tuple[str, str]] = {
        errors.EXIT_OK: ("", "The snapshot was written; gaps in it are warnings."),
        errors.EXIT_UNCLASSIFIED: (
            "",
            f"{render_words(ANSWERING).strip()}: the answer is no. Elsewhere: an unexpected error; "
            "`--debug` shows the traceback.",
        ),
        errors.EXIT_GAPS: ("", "With `--strict`: the snapshot has gaps."),
    }
    for number in SIGNALS:
        code_ = errors.EXIT_INTERRUPTED if number == signal.SIGINT else 128 + number
        rows[code_] = ("", f"Interrupted by {signal.Signals(number).name}, after cleanup.")
    for code_name, exit_code in errors.EXIT_CODES.items():
        error = find_error(code_name)
        if error is not None:
            rows[exit_code] = (code_name, inspect.getdoc(error) or "")
    ordered = [(f"`{number}`", code(name), text) for number, (name, text) in sorted(rows.items())]
    return render_table(("exit", "code", "meaning"), ordered)


def find_error(code_name: str) -> type[errors.SnapshotError] | None:
    """Return the error of a code; the ones for collectors, which share a code, come after it."""
    return next((e for e in errors.SnapshotError.__subclasses__() if e.code == code_name), None)


def render_permissions() -> str:
    """Return what the user of a capture needs in the agent's namespace."""
    verbs: dict[str, list[str]] = {}
    for permission in build_user_permissions(JobOptions(run_id="", namespace="")):
        group = f".{permission.group}" if permission.group else ""
        subresource = f"/{permission.subresource}" if permission.subresource else ""
        resource = f"{permission.resource}{group}{subresource}"
        verbs.setdefault(resource, []).append(permission.verb)
    rows = [(code(resource), render_words(names).strip()) for resource, names in verbs.items()]
    return render_table(("resource", "verbs"), rows)


def render_log_shippers() -> str:
    """Return what the pod bears so that shippers of logs leave its log alone."""
    marks = {"annotation": LOG_SHIPPER_ANNOTATIONS, "label": LOG_SHIPPER_LABELS}
    rows = [
        (kind, code(f"{name}={value}")) for kind, m in marks.items() for name, value in m.items()
    ]
    return render_table(("", "on the pod"), rows)


def render_measurements() -> str:
    """Return every declared subtype, in the document's order."""
    rows = [
        (
            f"[`{spec.type}`](#{spec.type.lower()})",
            f"`{subtype.name}`",
            describe_values(subtype),
            f"`{subtype.profile}`",
        )
        for spec in REGISTRY
        for subtype in spec.subtypes
    ]
    return render_table(("type", "subtype", "values", "profile"), rows)


def render_descriptions(type_: str = "") -> str:
    """Return a section for each subtype with a description.

    Without a type, those of the types that have no section written by hand.
    """
    parts = []
    for spec in REGISTRY:
        described = [subtype for subtype in spec.subtypes if subtype.description]
        if spec.type != type_ and (type_ or spec.type in WRITTEN_BY_HAND):
            continue
        parts += [f"## {spec.type}\n"] if described and not type_ else []
        parts += [f"### {spec.type}.{s.name}\n\n{s.description}\n" for s in described]
    return "\n".join(parts)


def describe_values(subtype: SubtypeSpec) -> str:
    """Return the type of a subtype's values, and the keys of another type."""
    if not subtype.values:
        return "any scalar"
    others = [f"`{key}`: {TYPE_WORDS[kind]}" for key, kind in subtype.key_types.items()]
    return "; ".join((TYPE_WORDS[subtype.values], *others))


def render_collectors() -> str:
    """Return scope, deadline and rights of each collector."""
    rows = [
        (f"`{type_}`", collector.SCOPE, f"{collector.DEADLINE_S:g} s", describe_rights(collector))
        for type_, collector in ALL_COLLECTORS.items()
    ]
    return render_table(("type", "scope", "deadline", "rights in the cluster"), rows)


def describe_rights(collector: Collector) -> str:
    rights = []
    for right in collector.RIGHTS:
        resource = f"{right.resource}.{right.group}" if right.group else right.resource
        where = " of the namespaces named for Helm" if right.helm_only else ""
        optional = " (optional)" if right.is_optional else ""
        optional = optional if right.is_granted else " (optional, in no role of ours)"
        rights.append(f"`{', '.join(right.verbs)} {resource}`{where}{optional}")
    return "; ".join(rights) or "none"


def render_sources(path: str) -> str:
    """Return the keys of a subtype, as `K8s.node`, that are copied from a declared source."""
    (subtype,) = (s for m in REGISTRY for s in m.subtypes if f"{m.type}.{s.name}" == path)
    return render_table(
        ("key", "source"), [(f"`{key}`", source) for key, source in subtype.sources.items()]
    )


def render_smi_keys() -> str:
    """Return the keys of GPU.smi and the elements of nvidia-smi's report."""
    elements = {key: f"`{element}`" for key, element in SYSTEM_ELEMENTS.items()}
    first = {key: f"`{element}` of the first `gpu`" for key, element in GPU_ELEMENTS.items()}
    rows = [(f"`{key}`", place) for key, place in {**elements, **first}.items()]
    return render_table(("key", "element of the report"), rows)


def render_gpu_keys() -> str:
    """Return what is read of who a GPU is and how it is set."""
    return render_words(name for name, _ in nvml_fields.IDENTITY + nvml_fields.CONFIG)


def render_gpu_state_keys() -> str:
    """Return what is read of a GPU that changes by itself."""
    return render_words(name for name, _ in nvml_fields.STATE)


def render_providers() -> str:
    """Return what K8s.node.provider is for the schemes that it renames."""
    rows = [(f"`{s}://…`", f"`{name}`") for s, name in node.PROVIDERS.items()]
    return render_table(("`spec.providerID`", "`provider`"), rows)


def render_distributions() -> str:
    """Return what tells the distribution of a node, in the order in which it is looked for."""
    rows = [
        (code(sign.distribution), f"`{sign.field}` has a key `{sign.pattern}`")
        if sign.field == distribution.LABEL
        else (code(sign.distribution), f"`{sign.field}` is `{sign.pattern}`")
        for sign in distribution.SIGNS
    ]
    return render_table(("distribution", "sign"), rows)


def render_public() -> str:
    """Return the readings that are not searched for credentials."""
    return render_words(
        f"{measurement.type}.{subtype.name}.{key}"
        for measurement in REGISTRY
        for subtype in measurement.subtypes
        for key in subtype.public
    )


def render_volatile() -> str:
    """Return what is no difference, and why; paths with one reason are one row."""
    return _render_patterns(list_volatile(REGISTRY))


def render_identity() -> str:
    """Return what is no difference between two nodes, and whose it is."""
    return _render_patterns(list_identity(REGISTRY))


def _render_patterns(patterns: Sequence[IgnoredPath]) -> str:
    reasons = dict.fromkeys(pattern.reason for pattern in patterns)
    rows = [
        (render_words(pattern.path for pattern in patterns if pattern.reason == why).strip(), why)
        for why in reasons
    ]
    return render_table(("path", "why"), rows)


def render_ranks() -> str:
    """Return which changes `diff` lists first."""
    names = {MISSING: "missing or unreadable", HEALTH: "health", STOPPED: "stopped units"}
    rows = []
    for rank in sorted({ranked.rank for ranked in list_ranks(REGISTRY)}):
        found = [ranked for ranked in list_ranks(REGISTRY) if ranked.rank == rank]
        paths = (f"{r.subtype}.{r.key}" if r.key else f"{r.subtype} as a whole" for r in found)
        rows.append((str(rank), names.get(rank, "versions"), render_words(paths).strip()))
    rows.append((str(len(rows) + 1), "everything else", "in the snapshot's order"))
    return render_table(("", "what", "paths"), rows)


def render_findings() -> str:
    """Return every finding: where it is found, and how it is fixed."""
    rows = []
    for spec in sorted(ALL_FINDINGS, key=lambda spec: SEVERITIES.index(spec.severity)):
        found = "; ".join(map(code, spec.bad.split(" or ")))
        if spec.when:
            found += f" if {', '.join(map(code, spec.when))}"
        source = f" ([source]({spec.source}))" if spec.source.startswith("https://") else ""
        rows.append((spec.severity, code(spec.id), found, f"{spec.todo}{source}"))
    return render_table(("severity", "id", "found where", "what to do"), rows)


def render_sets() -> str:
    """Return the properties of units that are sets, in one line."""
    return render_words(systemd.SETS)


def render_shapes() -> str:
    """Return whose secrets are known by their shape, in one line."""
    return "; ".join(SHAPES) + "\n"


def render_excluded_sysctls() -> str:
    """Return the patterns of the paths that no snapshot has."""
    patterns = (*(f"{p}*" for p in sysctl.EXCLUDED), *(f"/proc/sys/*{p}" for p in sysctl.ACTING))
    return render_words(patterns).replace("/proc/sys/*/vm", "/proc/sys/vm")


def render_namespaced_sysctls() -> str:
    """Return what /proc/sys says of the reader's namespaces, not of the node."""
    rows = [
        (name.upper(), render_words(patterns).strip())
        for name, patterns in sysctl.NAMESPACED.items()
    ]
    return render_table(("namespace", "below `/proc/sys`"), rows)


def render_decisions() -> str:
    """Return the index of docs/adr."""
    rows = []
    for page in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0]
        number, _, decision = title.lstrip("# ").partition(": ")
        rows.append((f"[{number}]({page.name})", decision))
    return render_table(("", "decision"), rows)


def render_units() -> str:
    """Return the units that are read by default."""
    return render_words(systemd.DEFAULT_UNITS)


def render_gpu_units() -> str:
    """Return the units that are read by default on a node with a GPU."""
    return render_words(systemd.GPU_UNITS)


def render_unit_types() -> str:
    """Return how a property is stored, by its D-Bus type."""
    words = {"bool": "true or false", "string": "text", "float64": "float"}
    rows = [(code(t), words.get(kind, "integer")) for t, kind in systemd.KEPT_TYPES.items()]
    others = "text: `2217`, `[a b]`, `[[/bin/x [/bin/x -v] false]]`, `map[a:1 b:2]`"
    return render_table(("D-Bus type", "stored as"), [*rows, ("any other", others)])


def render_excluded_properties() -> str:
    """Return the patterns of the properties that no snapshot has."""
    return render_words(systemd.EXCLUDED)


def render_words(words: Iterable[str]) -> str:
    return ", ".join(map(code, words)) + "\n"


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(escape, line))} |\n" for line in lines)


def escape(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def code(text: str) -> str:
    return f"`{text}`" if text else ""
