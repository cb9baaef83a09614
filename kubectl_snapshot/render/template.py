"""The one door to Jinja2: a template and variables to text, in its sandbox. Pure.

A template reads nothing but its variables and the named `parts` that it may include or import: no
file, no network, no attribute that begins with an underscore, and it changes no object.
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

# What an expression of a template may raise beside Jinja2's own errors: `1 / 0`, `"a" + 1`.
EXPRESSION_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
# The name that Jinja2 gives the file of a template without one, in tracebacks.
UNNAMED = "<template>"
# A loop without an end meets it, no page that anybody reads does.
MAX_CHARACTERS = 64 * 1024 * 1024
# Digits of a power, and characters or elements of a text or list that is multiplied. Python would
# compute longer ones for minutes, and no Ctrl-C reaches it there.
MAX_PRODUCT = 1_000_000
# Names that an error lists.
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
    """Return the text of a Jinja2 template; InvalidRequest names the line that is wrong.

    A variable that is not there is an error, never an empty text. `finalize` is given each value
    before it is printed and escaped.
    """
    from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

    environment = _build_environment(autoescape, filters, parts, finalize)
    text = io.StringIO()
    try:
        for piece in environment.from_string(source).generate(variables):
            text.write(piece)
            if text.tell() > MAX_CHARACTERS:
                raise InvalidRequest(f"its text is over {MAX_CHARACTERS} characters")
        return text.getvalue()
    except TemplateSyntaxError as e:
        raise _refuse_syntax(e, name) from e
    except TemplateNotFound as e:
        place = f"{name} line {_find_line(e.__traceback__)}"
        raise InvalidRequest(f"{place} includes {e}", why="a template may include no file") from e
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
    """Raise InvalidRequest, which names the line, for what is no Jinja2."""
    from jinja2 import TemplateSyntaxError

    try:
        _build_environment(False, filters, None, None).compile(source)
    except TemplateSyntaxError as e:
        raise _refuse_syntax(e, name) from e
    except EXPRESSION_ERRORS as e:
        raise InvalidRequest(f"{name} is no Jinja2", why=str(e) or type(e).__name__) from e


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
    """Return Jinja2's class for what is not there, with words that say what is."""
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
    """Return that a map or a record has no such name and which it has; None for anything else."""
    names = obj if isinstance(obj, dict) else getattr(obj, "__dataclass_fields__", None)
    if names is None:
        return None
    known = ", ".join(map(str, islice(names, MAX_NAMES))) or "nothing"
    return f"there is no {name!r} in what has {known}" + (", …" if len(names) > MAX_NAMES else "")


def _multiply(left: Any, right: Any) -> Any:
    for count, many in ((left, right), (right, left)):
        if isinstance(count, int) and hasattr(many, "__len__") and count * len(many) > MAX_PRODUCT:
            raise OverflowError(f"a product is longer than {MAX_PRODUCT}")
    return operator.mul(left, right)


def _raise_to_power(base: Any, exponent: Any) -> Any:
    are_whole = isinstance(base, int) and isinstance(exponent, int)
    if are_whole and base.bit_length() * abs(exponent) > MAX_PRODUCT:
        raise OverflowError(f"a power has more than {MAX_PRODUCT} bits")
    return operator.pow(base, exponent)


def _refuse_syntax(error: Any, name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} line {error.lineno} is no Jinja2", why=error.message or "")


def _find_line(traceback: TracebackType | None) -> int:
    """Return the last line of the template that a traceback goes through, 0 for none."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == UNNAMED:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
