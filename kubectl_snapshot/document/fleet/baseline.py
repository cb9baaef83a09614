"""What a group's nodes have in common, as a rule file that `check` takes. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.diff.ignored import OWN as OWN_NAME
from kubectl_snapshot.document.fleet.grouping import is_reading
from kubectl_snapshot.document.fleet.normalizer import CONTEXT, VALUE
from kubectl_snapshot.document.fleet.votes import build_standard, vote
from kubectl_snapshot.document.rules.constraints import EXACT, build_constraint, parse_constraint
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.document.fleet.forms import Form, FormBuilder
    from kubectl_snapshot.document.fleet.grouping import Group, Grouping
    from kubectl_snapshot.document.fleet.normalizer import Path
    from kubectl_snapshot.document.registry import Registry


class CommonReading(NamedTuple):
    """A reading that `nodes` of `total` nodes have; the path may have a `*` for all devices."""

    path: str
    value: str
    nodes: int
    total: int


class Baseline(NamedTuple):
    """A rule file's entries, and how many readings cannot be a rule."""

    rules: tuple[dict[str, object], ...]
    left_out: int


def build_baseline(
    grouping: Grouping,
    forms: Mapping[str, Form],
    builder: FormBuilder,
    share: float,
    registry: Registry,
) -> Baseline:
    """Return a rule for each reading that at least a share of a group's nodes have, 0 to 1.

    With several groups, a rule applies `when` a node has what its group has in common. A group
    whose nodes lack a value has no rules. Each rule is parsed again; one that would mean something
    else is left out.
    """
    rules: list[dict[str, object]] = []
    left_out = 0
    # Forms have other keys for links between devices than documents.
    links = tuple(f"{s.type}.{s.devices.links}." for s in registry if s.devices)
    for group in grouping.groups:
        when = _build_conditions(grouping, group)
        if when is None:
            continue
        members = {node: forms[node] for node in group.nodes}
        common = (r for r in find_common(members, builder, share) if not r.path.startswith(links))
        found = list(_join_devices(common, registry))
        built = [rule for reading in found for rule in _build_rule(reading, group, when)]
        left_out += len(found) - len(built)
        rules += built
    return Baseline(tuple(rules), left_out)


def find_common(
    forms: Mapping[str, Form], builder: FormBuilder, share: float
) -> Iterator[CommonReading]:
    """Yield the readings that are equal on at least a share of the nodes.

    A node that does not know a reading does not have it.
    """
    references = builder.references
    votes = vote(forms, references)
    standard = build_standard(forms, references, votes)
    for path in {**standard.base.values, **standard.replaced}:
        found = votes.get(path)
        value = standard.value_at(path)
        whole = votes.get((path[0], ""))
        count = whole.counts.get(VALUE, 0) if whole else len(forms)
        count = found.counts.get(value, 0) if found else count
        if path in standard.undecided or count < share * len(forms) or not _is_plain(path, value):
            continue
        if not builder.is_setting(path) or OWN_NAME in value:
            continue
        subtype = standard.base.subtypes.get(path[0])
        raw = subtype.data.get(path[1]) if subtype else None
        # A value that is compared without its node's name, or in another form, is no rule.
        if path not in standard.replaced and (raw is None or text_of(raw) != value[1:]):
            continue
        yield CommonReading(".".join(path), value[1:], count, len(forms))


def _is_plain(path: Path, value: str) -> bool:
    key = path[1]
    return bool(key) and not key.startswith(CONTEXT) and value[0] == VALUE


def _join_devices(found: Iterator[CommonReading], registry: Registry) -> Iterator[CommonReading]:
    """Yield equal readings of all devices as one with a `*`; those that differ are left as is."""
    prefixes = [f"{s.type}.{s.devices.prefix}" for s in registry if s.devices]
    joined: dict[str, list[CommonReading]] = {}
    for reading in found:
        joined.setdefault(_replace_number(reading.path, prefixes), []).append(reading)
    for path, members in joined.items():
        values = Counter(reading.value for reading in members)
        if len(values) == 1:
            yield members[0]._replace(path=path, nodes=min(m.nodes for m in members))
        else:
            yield from members


def _replace_number(path: str, prefixes: Sequence[str]) -> str:
    for prefix in prefixes:
        rest = path[len(prefix) :] if path.startswith(prefix) else ""
        digits = re.match(r"[0-9]+", rest)
        if digits:
            return f"{prefix}*{rest[digits.end() :]}"
    return path


def _build_conditions(grouping: Grouping, group: Group) -> list[str] | None:
    """Return the constraints that only this group's nodes meet, None if they cannot be written."""
    if len(grouping.groups) == 1:
        return []
    when = []
    for source, value in zip(grouping.sources, group.values):
        subject = source if is_reading(source) else f"label({source})"
        text = f"{subject} {value}"
        try:
            condition = parse_constraint(text, None)
        except InvalidRequest:
            return None
        if not value or condition.expression != (EXACT, value, condition.expression.is_version):
            return None
        when.append(text)
    return when


def _build_rule(
    reading: CommonReading, group: Group, when: Sequence[str]
) -> Iterator[dict[str, object]]:
    path, value, nodes, total = reading
    try:
        constraint = build_constraint(path, value, None)
    except InvalidRequest:
        return
    is_exact = constraint.expression.operator == EXACT and constraint.expression.value == value
    if not is_exact or constraint.right or constraint.alternatives or constraint.function:
        return
    names = ", ".join(filter(None, group.values))
    rule: dict[str, object] = {
        "name": f"{path} ({names})" if when else path,
        "path": path,
        "constraint": value,
        "message": f"{nodes} of {total} nodes have it",
    }
    if when:
        rule["when"] = list(when)
    yield rule
