"""Print, as JSON, the texts that the zipapp holds ready; build-zipapp runs this with its packages.

Keys are the names of the files in the zip: help of the program and of each verb, the JSON Schema,
and a module with the collectors' declarations by value (docs/adr/0034-registry.md).
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.commands.all_commands import COMMANDS
from kubectl_snapshot.main import main

REGISTRY_MODULE = "kubectl_snapshot/collectors/registry.py"


def main_prebuild() -> None:
    texts = {f"help/{name}.txt": run(name, "--help") for name in COMMANDS}
    texts["help.txt"] = run("--help")
    texts["schema.json"] = run("schema")
    texts[REGISTRY_MODULE] = render_registry()
    json.dump(texts, sys.stdout)


def run(*words: str) -> str:
    """Return what the program prints on stdout."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main(words)
    return out.getvalue()


def render_registry() -> str:
    """Return the source of a module that has REGISTRY by value."""
    functions: set[Callable[..., object]] = set()
    value = render(REGISTRY, functions)
    imports = sorted(f"from {f.__module__} import {f.__name__}" for f in functions)
    lines = ["from kubectl_snapshot.document.registry import *", *imports, f"REGISTRY = {value}"]
    return "\n".join(lines) + "\n"


def render(value: Any, functions: set[Callable[..., object]]) -> str:
    """Return an expression of a declaration; add the functions that it names."""
    if isinstance(value, FunctionType):
        functions.add(value)
        return value.__name__
    if hasattr(value, "_asdict"):
        defaults = value._field_defaults
        fields = {k: v for k, v in value._asdict().items() if k not in defaults or v != defaults[k]}
        arguments = ",".join(f"{name}={render(item, functions)}" for name, item in fields.items())
        return f"{type(value).__name__}({arguments})"
    if isinstance(value, tuple):
        return f"({''.join(f'{render(item, functions)},' for item in value)})"
    return repr(value)


if __name__ == "__main__":
    main_prebuild()
