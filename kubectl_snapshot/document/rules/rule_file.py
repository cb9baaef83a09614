"""Rules: named constraints with severity, message and remediation; parse a rule file.

The file is decoded before; each value is a pair with its line, for error messages.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubectl_snapshot.document.codec.build import without_surrogates
from kubectl_snapshot.document.rules.constraints import (
    build_constraint,
    parse_constraint,
    parse_subject,
)
from kubectl_snapshot.document.snapshot import TYPES
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

    from kubectl_snapshot.document.rules.constraints import Constraint, Types

    # A line, and what begins there: a text, a list or a map of Located values.
    Located = tuple[int, object]

ERROR, WARNING = "error", "warning"
SEVERITIES = (ERROR, WARNING)
# Of findings only.
INFO = "info"
NEEDED = ("name", "constraint")
TEXTS = ("name", "path", "constraint", "severity", "message", "remediation", "source")
FIELDS = (*TEXTS, "when")
FILE_FIELDS = ("require", "rules")
# What a rule file can require: path of a boolean, message, remediation.
REQUIREMENTS = {
    "gpu": (
        "GPU.hardware.gpu-present",
        "the rules are for a node with GPUs, and this one has none",
        "see `lspci -d 10de:`; choose GPU nodes with -l nvidia.com/gpu.present=true",
    )
}


@dataclass(frozen=True)
class Rule:
    """A constraint that has to hold if all of `when` hold; a `warning` does not fail the check.

    `message` says why it matters, `remediation` how to fix it, `source` is a reference. `place` is
    file and line, empty for a rule of the command line. `is_requirement`: it is what its file
    requires, and no rule of it.
    """

    name: str
    constraint: Constraint
    severity: str = ERROR
    message: str = ""
    remediation: str = ""
    source: str = ""
    when: tuple[Constraint, ...] = ()
    place: str = ""
    is_requirement: bool = False


def parse_rule(text: str, types: Types = TYPES) -> Rule:
    """Return a rule named after its constraint."""
    constraint = parse_constraint(text, types)
    return Rule(constraint.text, constraint)


def parse_rules(tree: Located, name: str, types: Types = TYPES) -> tuple[Rule, ...]:
    """Return the rules of a decoded file; errors have its name and line.

    A file is a list of rules, or a map of `require` and `rules`. What it requires is its first
    rule.
    """
    line, content = tree
    required: tuple[Rule, ...] = ()
    if isinstance(content, dict):
        for field, (field_line, _) in content.items():
            _check_field(field, FILE_FIELDS, "a rule file", name, field_line)
        required = _parse_requirement(content, name)
        line, content = content.get("rules", (line, None))
    if not isinstance(content, list) or not content:
        _refuse(name, line, "a file of rules is a list with at least one rule in it")
    rules = {rule.name: rule for rule in required}
    for item in content:
        rule = _parse_item(item, name, types)
        if rule.name in rules:
            _refuse(
                name, item[0], f"{rule.name!r} is the name of the rule of {rules[rule.name].place}"
            )
        rules[rule.name] = rule
    return tuple(rules.values())


def _parse_requirement(fields: Mapping[str, Located], name: str) -> tuple[Rule, ...]:
    """Return the rule of `require: gpu`: the node has a GPU."""
    if "require" not in fields:
        return ()
    line, value = fields["require"]
    if not isinstance(value, str) or value not in REQUIREMENTS:
        why = f"it is {' or '.join(REQUIREMENTS)}"
        _refuse(name, line, f"a rule file cannot require {value!r}", why)
    path, message, remediation = REQUIREMENTS[value]
    return (
        Rule(
            f"require: {value}",
            build_constraint(path, "== true"),
            message=message,
            remediation=remediation,
            place=f"{name} line {line}",
            is_requirement=True,
        ),
    )


def _check_field(field: str, known: Sequence[str], of: str, name: str, line: int) -> None:
    if field not in known:
        hint = suggest(field, known, f"it has {', '.join(known)}")
        _refuse(name, line, f"{of} has no {field!r}", hint=hint)


def _parse_item(item: Located, name: str, types: Types) -> Rule:
    line, fields = item
    if not isinstance(fields, dict):
        _refuse(name, line, f"a rule is a map of {', '.join(FIELDS)}")
    for field, (field_line, _) in fields.items():
        _check_field(field, FIELDS, "a rule", name, field_line)
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


def _parse_constraint(fields: Mapping[str, Located], name: str, types: Types) -> Constraint:
    """Return the rule's constraint; it may contain the path, as on the command line."""
    expression = _text(fields["constraint"], "constraint", name)
    subject = ""
    if "path" in fields:
        subject = _text(fields["path"], "path", name)
        with _naming(name, fields["path"][0]):
            parse_subject(subject, types)
    with _naming(name, fields["constraint"][0]):
        if subject:
            return build_constraint(subject, expression, types)
        return parse_constraint(expression, types)


def _parse_when(fields: Mapping[str, Located], name: str, types: Types) -> tuple[Constraint, ...]:
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


def _refuse(name: str, line: int, what: str, why: str = "", hint: str = "") -> NoReturn:
    raise InvalidRequest(f"{name} line {line}: {what}", why, hint)
