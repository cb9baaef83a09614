"""Rules: named constraints with severity, message and remediation; parse a rule file.

The file is decoded before; each value is a pair with its line, for error messages.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.tree import without_surrogates
from kubectl_snapshot.document.paths import parse_path
from kubectl_snapshot.document.rules.constraints import build_constraint, parse_constraint
from kubectl_snapshot.document.snapshot import TYPES
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

    from kubectl_snapshot.document.rules.constraints import Constraint

    # A line, and what begins there: a text, a list or a map of Located values.
    Located = tuple[int, object]

ERROR, WARNING = "error", "warning"
SEVERITIES = (ERROR, WARNING)
NEEDED = ("name", "constraint")
TEXTS = ("name", "path", "constraint", "severity", "message", "remediation", "source")
FIELDS = (*TEXTS, "when")


@dataclass(frozen=True)
class Rule:
    """A constraint that has to hold if all of `when` hold; a `warning` does not fail the check.

    `message` says why it matters, `remediation` how to fix it, `source` is a reference. `place` is
    file and line, empty for a rule of the command line.
    """

    name: str
    constraint: Constraint
    severity: str = ERROR
    message: str = ""
    remediation: str = ""
    source: str = ""
    when: tuple[Constraint, ...] = ()
    place: str = ""


def parse_rule(text: str, types: Sequence[str] = TYPES) -> Rule:
    """Return a rule named after its constraint."""
    constraint = parse_constraint(text, types)
    return Rule(constraint.text, constraint)


def parse_rules(tree: Located, name: str, types: Sequence[str] = TYPES) -> tuple[Rule, ...]:
    """Return the rules of a decoded file; errors have its name and line."""
    line, items = tree
    if not isinstance(items, list) or not items:
        _refuse(name, line, "a file of rules is a list with at least one rule in it")
    rules: dict[str, Rule] = {}
    for item in items:
        rule = _parse_item(item, name, types)
        if rule.name in rules:
            _refuse(
                name, item[0], f"{rule.name!r} is the name of the rule of {rules[rule.name].place}"
            )
        rules[rule.name] = rule
    return tuple(rules.values())


def _parse_item(item: Located, name: str, types: Sequence[str]) -> Rule:
    line, fields = item
    if not isinstance(fields, dict):
        _refuse(name, line, f"a rule is a map of {', '.join(FIELDS)}")
    for field, (field_line, _) in fields.items():
        if field not in FIELDS:
            _refuse(name, field_line, f"a rule has no {field!r}", f"it has {', '.join(FIELDS)}")
    for field in NEEDED:
        if field not in fields:
            _refuse(name, line, f"the rule has no {field}")
    texts = {field: _text(fields[field], field, name) for field in TEXTS if field in fields}
    severity = texts.get("severity", ERROR)
    if severity not in SEVERITIES:
        why = f"it is {' or '.join(SEVERITIES)}"
        _refuse(name, fields["severity"][0], f"there is no severity {severity!r}", why)
    return Rule(
        texts["name"],
        _parse_constraint(fields, name, types),
        severity,
        message=texts.get("message", ""),
        remediation=texts.get("remediation", ""),
        source=texts.get("source", ""),
        when=_parse_when(fields, name, types),
        place=f"{name} line {line}",
    )


def _parse_constraint(fields: Mapping[str, Located], name: str, types: Sequence[str]) -> Constraint:
    """Return the rule's constraint; it may contain the path, as on the command line."""
    expression = _text(fields["constraint"], "constraint", name)
    path = None
    if "path" in fields:
        with _naming(name, fields["path"][0]):
            path = parse_path(_text(fields["path"], "path", name), types)
    with _naming(name, fields["constraint"][0]):
        if path:
            return build_constraint(path, expression)
        return parse_constraint(expression, types)


def _parse_when(
    fields: Mapping[str, Located], name: str, types: Sequence[str]
) -> tuple[Constraint, ...]:
    if "when" not in fields:
        return ()
    line, value = fields["when"]
    conditions: Sequence[Located] = value if isinstance(value, list) else [(line, value)]
    if not conditions:
        _refuse(name, line, "when is empty")
    parsed = []
    for condition in conditions:
        text = _text(condition, "when", name)
        with _naming(name, condition[0]):
            parsed.append(parse_constraint(text, types))
    return tuple(parsed)


def _text(located: Located, field: str, name: str) -> str:
    line, value = located
    if not isinstance(value, str):
        _refuse(name, line, f"{field} is not a text")
    if not value.strip():
        _refuse(name, line, f"{field} is empty")
    return without_surrogates(value.strip())


@contextmanager
def _naming(name: str, line: int) -> Iterator[None]:
    """Add file and line to an error."""
    try:
        yield
    except InvalidRequest as e:
        raise InvalidRequest(f"{name} line {line}: {e.what}", e.why, e.hint) from e


def _refuse(name: str, line: int, what: str, why: str = "") -> NoReturn:
    raise InvalidRequest(f"{name} line {line}: {what}", why=why)
