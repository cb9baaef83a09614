"""Format `template`: render a snapshot with a user's Jinja2 template. Pure.

docs/templates.md is the manual. Booleans and floats are printed as in the document, not as Python
prints them.
"""

from __future__ import annotations

from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from kubectl_snapshot.document.paths import (
    METADATA,
    describe_status,
    find_readings,
    find_value,
    iter_subtypes,
    parse_path,
)
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.document.rules.constraints import parse_constraint
from kubectl_snapshot.document.rules.judge import FAILED, HELD, UNKNOWN, judge
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.document.snapshot import GAP_STATUSES, list_types
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.records import dataclass
from kubectl_snapshot.render.go_template import find_go
from kubectl_snapshot.render.template import check_template, render_template

if TYPE_CHECKING:
    from kubectl_snapshot.document.paths import ConstraintPath
    from kubectl_snapshot.document.snapshot import Scalar, Snapshot, Subtype
    from kubectl_snapshot.render.go_template import GoLine

TEMPLATE_SUFFIXES = (".j2", ".jinja2", ".jinja")
MARKUP_SUFFIXES = (".html", ".htm", ".xhtml", ".xml", ".svg")
MANUAL = "docs/templates.md"
_NO_DEFAULT = object()


@dataclass(frozen=True)
class UserTemplate:
    """A template's text and the user's name for it."""

    name: str
    source: str


def render_cell(value: object) -> str:
    """Return a value's text, escaped for a Markdown table cell."""
    return " ".join(text_of(value).replace("|", "\\|").splitlines())


FILTERS: dict[str, Callable[..., Any]] = {"text": text_of, "cell": render_cell}


def parse_template(source: str, name: str) -> UserTemplate:
    """Return a template; InvalidRequest names the invalid line, and how to port a Go template."""
    line = find_go(source)
    if line is not None:
        raise InvalidRequest(
            f"{name} line {line.number} is Go template syntax, not Jinja2",
            why=f"the line is {line.text}",
            hint=_hint_porting(line),
        )
    check_template(source, name, FILTERS)
    return UserTemplate(name, source)


def render_user_template(template: UserTemplate, snapshot: Snapshot, path: str = "") -> str:
    """Return a rendered template; values are escaped if its name or `path` is HTML or XML."""
    return render_template(
        template.source,
        build_variables(snapshot),
        is_markup(template.name) or is_markup(path),
        template.name,
        FILTERS,
        finalize=print_as_documented,
    )


def is_markup(name: str) -> bool:
    """Return whether a name such as `report.html.j2` is an HTML or XML template."""
    lower = name.lower()
    for suffix in TEMPLATE_SUFFIXES:
        lower = lower[: -len(suffix)] if lower.endswith(suffix) else lower
    return lower.endswith(MARKUP_SUFFIXES)


def build_variables(snapshot: Snapshot) -> dict[str, Any]:
    """Return the variables of a template: the snapshot and lookup functions."""
    known = find_readings(snapshot, "*")

    def reading(path: str, default: Any = _NO_DEFAULT) -> Any:
        if path in known:
            return known[path]
        # An invalid path is an error even with a default.
        parsed = None if path.startswith(f"{METADATA}.") else parse_path(path, list_types(snapshot))
        return _explain_missing(snapshot, path, parsed) if default is _NO_DEFAULT else default

    def readings(pattern: str) -> dict[str, Scalar]:
        return find_readings(snapshot, pattern)

    def subtypes(pattern: str = "*") -> dict[str, Subtype]:
        return find_subtypes(snapshot, pattern)

    def check(constraint: str) -> str:
        return check_constraint(snapshot, constraint)

    return {
        "snapshot": snapshot,
        "reading": reading,
        "readings": readings,
        "subtypes": subtypes,
        "gaps": find_reasons(snapshot),
        "check": check,
    }


def find_subtypes(snapshot: Snapshot, pattern: str) -> dict[str, Subtype]:
    """Return the subtypes whose path matches a pattern; of equal types and names, the first."""
    paths = ((f"{type_}.{subtype.name}", subtype) for type_, subtype in iter_subtypes(snapshot))
    return {path: subtype for path, subtype in paths if matches_pattern(path, pattern)}


def find_reasons(snapshot: Snapshot) -> dict[str, str]:
    """Return the reasons of the gaps by `Type.subtype`."""
    return {
        path: describe_status(path.partition(".")[0], subtype)
        for path, subtype in find_subtypes(snapshot, "*").items()
        if subtype.status in GAP_STATUSES
    }


def check_constraint(snapshot: Snapshot, text: str) -> str:
    """Return `held`, `failed` or `unknown`: the worst of all matching readings."""
    constraint = parse_constraint(text, list_types(snapshot))
    outcomes = {verdict.outcome for verdict in judge(constraint, snapshot)}
    return next(outcome for outcome in (FAILED, UNKNOWN, HELD) if outcome in outcomes)


def print_as_documented(value: Any) -> Any:
    """Return a value's printed form; refuse a function: the template probably meant a key."""
    if isinstance(value, (bool, float)):
        return text_of(value)
    if isinstance(value, (FunctionType, MethodType, BuiltinMethodType)):
        raise TypeError(
            f"{value.__name__} is a function: call it, or use ['…'] for the key of that name"
        )
    return value


def _hint_porting(line: GoLine) -> str:
    try:
        check_template(line.jinja + line.closing, "", FILTERS)
    except InvalidRequest:
        return f"see {MANUAL} for the Jinja2 syntax"
    return f"write it as {line.jinja} (see {MANUAL})"


def _explain_missing(snapshot: Snapshot, path: str, parsed: ConstraintPath | None) -> NoReturn:
    try:
        why = str(find_value(snapshot, parsed)) if parsed else ""
    except NotFound as e:
        why = e.why
    hint = f"give a default: reading('{path}', 'unknown')"
    raise NotFound(f"the snapshot has no {path}", why, hint)
