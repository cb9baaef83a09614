"""A text made of what begins any of our patterns takes time in proportion to its length."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from kubectl_snapshot.document.redaction import (
    assignments,
    detector,
    encoded,
    hints,
    lines,
    names,
    nested,
    opacity,
    plain_files,
    programs,
    shapes,
    values,
)
from kubectl_snapshot.document.redaction.detector import replace_credentials
from kubectl_snapshot.document.redaction.nested import redact_value

if sys.version_info >= (3, 11):
    from re import _parser as parser
else:
    import sre_parse as parser

MODULES = (
    *(assignments, detector, encoded, hints, lines, names, nested, opacity, programs, shapes),
    *(plain_files, values),
)
# Linear ones take up to 0.03 s; one in quadratic time takes 1.3 s and more. The slowest in a
# megabyte are in test_detector.py.
LENGTH, CPU_S = 16 * 1024, 1
SAMPLES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}


def list_patterns(module: ModuleType) -> set[str]:
    """Return every pattern of a module: compiled, named, or written where it is used."""
    found = {
        value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1")
        for value in vars(module).values()
        if isinstance(value, re.Pattern)
    }
    found |= {value for name, value in vars(module).items() if name.isupper() and is_regex(value)}
    found |= set(getattr(module, "SHAPES", {}).values())
    for part in (
        part for value in vars(module).values() if isinstance(value, tuple) for part in value
    ):
        found |= {str(part.pattern, "latin-1")} if isinstance(part, re.Pattern) else set()
    tree = ast.parse(inspect.getsource(module))
    found |= {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and is_regex(node.value)
    }
    return found


def is_regex(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 4000 or re.match("[A-Z][a-z]+ [^|]*$", value):
        return False
    try:
        re.compile(value)
    except re.error:
        return False
    return re.search(r"\\[swdb.]|\[|\(\?|[^ ][*+]", value) is not None


def write_samples(tree: Any) -> Iterator[str]:
    """Yield a text of each alternative of a parsed pattern, and what each begins with."""
    texts = [""]
    for op, argument in tree:
        parts = list(write_one(str(op), argument))
        if str(op) != "LITERAL":
            yield from texts
        texts = [text + part for text in texts[:4] for part in parts]
    yield from texts


def write_one(op: str, argument: Any) -> Iterator[str]:
    if op == "LITERAL":
        yield chr(argument)
    elif op == "NOT_LITERAL":
        yield "a" if chr(argument) != "a" else "b"
    elif op == "ANY":
        yield "a"
    elif op == "IN":
        yield from write_set(argument)
    elif op == "BRANCH":
        for branch in argument[1]:
            yield from write_samples(branch)
    elif op == "SUBPATTERN":
        yield from write_samples(argument[-1])
    elif op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, _, repeated = argument
        for text in write_whole(repeated):
            yield text * max(min(least, 40), 1)
    elif op == "ASSERT" and argument[0] > 0:
        yield from write_whole(argument[1])
    else:
        yield ""


def write_whole(tree: Any) -> Iterator[str]:
    *_, last = [[""], *([text] for text in write_samples(tree))]
    yield from last if len(tree) != 1 else write_one(str(tree[0][0]), tree[0][1])


def write_set(items: Any) -> Iterator[str]:
    first, argument = items[0]
    kind = str(first)
    if kind == "NEGATE":
        yield "a"
    elif kind == "LITERAL":
        yield chr(argument)
    elif kind == "RANGE":
        yield chr(argument[0])
    else:
        yield SAMPLES.get(str(argument), "-")


def list_pieces() -> list[str]:
    pieces = set()
    for module in MODULES:
        for pattern in list_patterns(module):
            pieces.update(write_samples(parser.parse(pattern)))
    return sorted(piece for piece in pieces if piece)


PIECES = list_pieces()


def test_the_pieces_come_from_all_patterns() -> None:
    counts = {module.__name__.rpartition(".")[2]: len(list_patterns(module)) for module in MODULES}
    assert all(counts.values()), counts
    assert len(PIECES) > 300
    for begin in ("requirepass", "iscsi:", "AKIA", "-----BEGIN ", "://", "${", "echo"):
        assert any(piece.startswith(begin) for piece in PIECES), begin


@pytest.mark.parametrize("share", range(20))
def test_no_beginning_of_a_pattern_takes_long(share: int) -> None:
    for index, piece in enumerate(PIECES[share::20]):
        texts = (piece, f"password: {piece}\n") if index % 4 == 0 else (piece,)
        for text in texts:
            took = search(text * (LENGTH // len(text)))
            assert took < CPU_S, (piece, took)


def search(text: str) -> float:
    before = time.process_time()
    replace_credentials(text, lambda _: "*")
    redact_value(text, "password", lambda _: "*")
    return time.process_time() - before
