"""The one door to Jinja2: a template and variables to text, in its sandbox. Pure.

A template reads nothing but its variables and the named `parts` that it may include or import: no
file, no network, no attribute that begins with an underscore, and it changes no object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

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


def render_template(
    source: str,
    variables: Mapping[str, Any],
    autoescape: bool,
    name: str = "the template",
    filters: Mapping[str, Callable[..., Any]] | None = None,
    parts: Mapping[str, str] | None = None,
    finalize: Callable[[Any], Any] | None = None,
) -> str:
    """Return the text of a Jinja2 template; InvalidRequest names the line that is wrong.

    A variable that is not there is an error, never an empty text. `finalize` is given each value
    before it is printed and escaped.
    """
    from jinja2 import (
        DictLoader,
        StrictUndefined,
        TemplateError,
        TemplateNotFound,
        TemplateSyntaxError,
    )
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=autoescape,
        undefined=StrictUndefined,
        loader=DictLoader(dict(parts or {})),
        finalize=finalize,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters or {})
    try:
        return environment.from_string(source).render(variables)
    except TemplateSyntaxError as e:
        raise InvalidRequest(f"{name} line {e.lineno} is no Jinja2", why=e.message or "") from e
    except TemplateNotFound as e:
        place = f"{name} line {_find_line(e.__traceback__)}"
        raise InvalidRequest(f"{place} includes {e}", why="a template may include no file") from e
    except (TemplateError, *EXPRESSION_ERRORS) as e:
        place = f"{name} line {_find_line(e.__traceback__)}"
        raise InvalidRequest(f"{place} cannot be rendered", why=str(e) or type(e).__name__) from e


def _find_line(traceback: TracebackType | None) -> int:
    """Return the last line of the template that a traceback goes through, 0 for none."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == UNNAMED:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
