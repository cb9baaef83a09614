"""Regular expressions that are compiled at their first use: most runs need few of them.

Compiling one takes 0.1 to 5 ms, which a module would add to every start that imports it.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from re import compile as compile_late
    from typing import Any
else:

    def compile_late(pattern, flags=0):
        """Return what re.compile returns, for mypy; an object that has its methods."""
        return _Late(pattern, flags)


class _Late:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._source = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        # Not asked again: a method that was looked up once is an attribute.
        value = getattr(re.compile(*self._source), name)
        setattr(self, name, value)
        return value


__all__ = ("compile_late",)
