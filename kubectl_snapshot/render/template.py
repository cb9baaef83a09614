"""Render Jinja2 templates in its sandbox; only this module imports jinja2. Pure.

A template can read its variables and include or import the named `parts`: no file, no network, no
attribute that begins with an underscore. It cannot change objects.
"""

from __future__ import annotations

import io
import operator
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot.errors import InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from jinja2 import Environment, StrictUndefined

    Filters = Mapping[str, Callable[..., Any]]

# Errors that an expression may raise in addition to Jinja2's own: `1 / 0`, `"a" + 1`.
EXPRESSION_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
# File name in Jinja2's tracebacks for a template that has no file.
UNNAMED = "<template>"
# Output limit, which stops an infinite loop.
MAX_CHARACTERS = 64 * 1024 * 1024
# Limit of the bits of a power and the length of a product. Python would compute longer ones for
# minutes, uninterruptible by Ctrl-C.
MAX_PRODUCT = 1_000_000
# Maximum number of names in an error.
MAX_NAMES = 12


def render_template(
    source: str,
    variables: Mapping[str, Any],
    autoescape: bool,
    name: str = "the template",
    filters: Filters | None = None,
    parts: Mapping[str, str] | None = None,
    finalize: Callable[[Any], Any] | None = None,
) -> str:
    """Return a rendered template; InvalidRequest names the line that failed.

    An undefined variable is an error, not an empty text. `finalize` is called with each value
    before it is printed and escaped.
    """
    from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

    environment = _build_environment(autoescape, filters, parts, finalize)
    text = io.StringIO()
    try:
        for piece in environment.from_string(source).generate(variables):
            text.write(piece)
            if text.tell() > MAX_CHARACTERS:
                raise InvalidRequest(f"output exceeds {MAX_CHARACTERS} characters")
        return text.getvalue()
    except TemplateSyntaxError as e:
        raise _refuse_syntax(e, name) from e
    except TemplateNotFound as e:
        place = f"{name} line {_find_line(e.__traceback__)}"
        raise InvalidRequest(f"{place} includes {e}", why="templates cannot include files") from e
    except SnapshotError as e:
        place = f"{name} line {_find_line(e.__traceback__)}"
        raise type(e)(f"{place}: {e.what}", e.why, e.hint) from e
    except (TemplateError, *EXPRESSION_ERRORS) as e:
        place = f"{name} line {_find_line(e.__traceback__)}"
        why = str(e) or type(e).__name__
        if isinstance(e, UndefinedError) and why.endswith(" is undefined"):
            why += f"; it has {', '.join(variables) or 'no variables'}"
        raise InvalidRequest(f"{place} cannot be rendered", why) from e


def check_template(source: str, name: str, filters: Filters | None = None) -> None:
    """Raise InvalidRequest, which names the line, for invalid Jinja2 syntax."""
    from jinja2 import TemplateSyntaxError

    try:
        _build_environment(False, filters, None, None).compile(source)
    except TemplateSyntaxError as e:
        raise _refuse_syntax(e, name) from e
    except EXPRESSION_ERRORS as e:
        raise InvalidRequest(
            f"invalid Jinja2 template {name}", why=str(e) or type(e).__name__
        ) from e


def _build_environment(
    autoescape: bool,
    filters: Filters | None,
    parts: Mapping[str, str] | None,
    finalize: Callable[[Any], Any] | None,
) -> Environment:
    from jinja2 import DictLoader
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=autoescape,
        undefined=_build_undefined(),
        loader=DictLoader(dict(parts or {})),
        finalize=finalize,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters or {})
    environment.intercepted_binops = frozenset(("*", "**"))
    environment.binop_table.update({"*": _multiply, "**": _raise_to_power})
    return environment


def _build_undefined() -> type[StrictUndefined]:
    """Return Jinja2's class of undefined values, with messages that list the defined names."""
    from jinja2 import StrictUndefined
    from jinja2.utils import missing

    class Missing(StrictUndefined):
        __slots__ = ()

        def __init__(
            self,
            hint: str | None = None,
            obj: Any = missing,
            name: Any = None,
            *rest: Any,
            **more: Any,
        ) -> None:
            super().__init__(hint or _describe_missing(obj, name), obj, name, *rest, **more)

    return Missing


def _describe_missing(obj: Any, name: Any) -> str | None:
    """Return a message with the names that a map or record has; None for anything else."""
    names = obj if isinstance(obj, dict) else getattr(obj, "__dataclass_fields__", None)
    if names is None:
        return None
    known = ", ".join(map(str, islice(names, MAX_NAMES))) or "nothing"
    return f'undefined name "{name}"; available: {known}' + (
        ", …" if len(names) > MAX_NAMES else ""
    )


def _multiply(left: Any, right: Any) -> Any:
    for count, many in ((left, right), (right, left)):
        if isinstance(count, int) and hasattr(many, "__len__") and count * len(many) > MAX_PRODUCT:
            raise OverflowError(f"product longer than {MAX_PRODUCT}")
    return operator.mul(left, right)


def _raise_to_power(base: Any, exponent: Any) -> Any:
    are_whole = isinstance(base, int) and isinstance(exponent, int)
    if are_whole and base.bit_length() * abs(exponent) > MAX_PRODUCT:
        raise OverflowError(f"power longer than {MAX_PRODUCT} bits")
    return operator.pow(base, exponent)


def _refuse_syntax(error: Any, name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} line {error.lineno}: invalid Jinja2", why=error.message or "")


def _find_line(traceback: TracebackType | None) -> int:
    """Return the innermost template line of a traceback, 0 for none."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == UNNAMED:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
