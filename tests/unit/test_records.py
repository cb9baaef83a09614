"""Our records, compared with the standard dataclasses of the same declarations."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from kubectl_snapshot import records
from kubectl_snapshot.document.snapshot import Subtype


def _declare(module: Any) -> tuple[Any, Any]:
    @module.dataclass(frozen=True)
    class Frozen:
        first: int
        second: str = "b"
        hidden: str = module.field(default="h", repr=False)
        ignored: int = module.field(default=0, compare=False, metadata={"flag": "--x"})
        items: list[int] = module.field(default_factory=list)

        @property
        def doubled(self) -> int:
            return 2 * self.first

    @module.dataclass
    class Open:
        count: int = 1
        total: int = 0
        values: tuple[int, ...] = ()

        def __post_init__(self) -> None:
            self.total = self.count + 1

    return Frozen, Open


FROZEN, OPEN = _declare(records)
STANDARD_FROZEN, STANDARD_OPEN = _declare(dataclasses)

ACTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "positional": lambda m, f, o: vars(f(1, "x", "y", 2, [3])),
    "keywords and defaults": lambda m, f, o: vars(f(first=1, items=[2])),
    "a factory makes a new value each time": lambda m, f, o: f(1).items is f(1).items,
    "an argument is missing": lambda m, f, o: f(second="x"),
    "an argument is unknown": lambda m, f, o: f(1, third=2),
    "too many arguments": lambda m, f, o: f(1, 2, 3, 4, 5, 6),
    "repr": lambda m, f, o: repr(f(1)),
    "equal": lambda m, f, o: (f(1) == f(1), f(1) == f(2), f(1) != f(1), o() == o(2)),
    "equal but for what is not compared": lambda m, f, o: f(1, ignored=1) == f(1, ignored=2),
    "equal to another class": lambda m, f, o: (f(1) == o(1), f(1) == (1, "b", "h", [])),
    "hash of equal values": lambda m, f, o: hash(f(1, items=())) == hash(f(1, ignored=1, items=())),
    "hash of a value that has none": lambda m, f, o: hash(f(1)),
    "hash of one that is not frozen": lambda m, f, o: hash(o()),
    "assignment to a frozen one": lambda m, f, o: setattr(f(1), "first", 2),
    "assignment of a new name": lambda m, f, o: setattr(f(1), "other", 2),
    "deletion from a frozen one": lambda m, f, o: delattr(f(1), "first"),
    "assignment": lambda m, f, o: setattr(o(), "count", 2),
    "after __init__": lambda m, f, o: vars(o(4)),
    "replaced": lambda m, f, o: vars(m.replace(f(1), second="z")),
    "replaced, with after __init__": lambda m, f, o: vars(m.replace(o(1), count=7)),
    "replaced by an unknown name": lambda m, f, o: m.replace(f(1), third=2),
    "fields": lambda m, f, o: [(i.name, dict(i.metadata)) for i in m.fields(f)],
    "fields of a record": lambda m, f, o: [i.name for i in m.fields(o())],
    "defaults of the class": lambda m, f, o: (f.second, f.ignored, hasattr(f, "items")),
    "signature": lambda m, f, o: list(inspect.signature(f).parameters),
    "copy": lambda m, f, o: copy.deepcopy(f(1)) == f(1),
    "property": lambda m, f, o: f(4).doubled,
    "standard replace": lambda m, f, o: vars(dataclasses.replace(f(1), second="z")),
    "standard asdict": lambda m, f, o: dataclasses.asdict(f(1, items=[2])),
    "standard fields": lambda m, f, o: [
        (i.name, i.repr, i.compare, dict(i.metadata)) for i in dataclasses.fields(f)
    ],
    "known as a dataclass": lambda m, f, o: [dataclasses.is_dataclass(x) for x in (f, f(1), o)],
    "a standard dataclass inherits": lambda m, f, o: vars(
        dataclasses.make_dataclass("Sub", [("more", int, 9)], bases=(f,), frozen=True)(1)
    ),
    "a standard dataclass that is not frozen inherits": lambda m, f, o: dataclasses.make_dataclass(
        "Sub", [], bases=(f,)
    ),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_a_record_does_what_a_dataclass_does(action: Callable[[Any, Any, Any], Any]) -> None:
    ours = _run(action, records, FROZEN, OPEN)
    assert ours == _run(action, dataclasses, STANDARD_FROZEN, STANDARD_OPEN)


def _run(action: Callable[[Any, Any, Any], Any], module: Any, frozen: Any, opened: Any) -> object:
    """Return the result of an action, or the class and, but for Python's own words, the message."""
    try:
        return action(module, frozen, opened)
    except (TypeError, AttributeError) as error:
        return type(error), str(error).partition(".<locals>.")[2] or str(error)


def test_records_are_pickled_and_replace_takes_a_standard_dataclass() -> None:
    subtype = Subtype("release", {"ID": "debian"})
    assert pickle.loads(pickle.dumps(subtype)) == subtype
    assert records.replace(STANDARD_FROZEN(1), second="z") == STANDARD_FROZEN(1, "z")


def test_the_fields_match_by_position() -> None:
    assert FROZEN.__match_args__ == ("first", "second", "hidden", "ignored", "items")


def test_methods_of_the_class_are_kept() -> None:
    @records.dataclass(frozen=True)
    class Own:
        key: str

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert (repr(Own("a")), Own("a") == Own("b"), hash(Own("a"))) == ("own", True, 7)


class Tuple(records.NamedTuple):
    first: int
    second: str = "b"

    @property
    def doubled(self) -> int:
        return 2 * self.first


class StandardTuple(NamedTuple):
    first: int
    second: str = "b"

    @property
    def doubled(self) -> int:
        return 2 * self.first


TUPLE_ACTIONS: dict[str, Callable[[Any], Any]] = {
    "positional": lambda t: tuple(t(1, "x")),
    "keywords": lambda t: tuple(t(second="x", first=1)),
    "defaults": lambda t: (tuple(t(1)), t._field_defaults, t._fields, t.__match_args__),
    "an argument is missing": lambda t: t(second="x"),
    "an argument is unknown": lambda t: t(1, third=2),
    "too many arguments": lambda t: t(1, 2, 3),
    "fields by name": lambda t: (t(1).first, t(1).second, t(1).doubled),
    "as a tuple": lambda t: (t(1) == (1, "b"), t(1) < (2,), hash(t(1)) == hash((1, "b")), *t(1)),
    "is a tuple": lambda t: isinstance(t(1), tuple),
    "repr": lambda t: repr(t(1)).removeprefix("Standard"),
    "replaced": lambda t: t(1)._replace(second="c"),
    "replaced by an unknown field": lambda t: t(1)._replace(third=2),
    "as a map": lambda t: t(1)._asdict(),
    "made of values": lambda t: t._make([1, "c"]),
    "made of too few values": lambda t: t._make([]),
    "an assignment": lambda t: setattr(t(1), "first", 2),
    "another attribute": lambda t: setattr(t(1), "other", 2),
    "the name of its maker": lambda t: (t(1).__new__.__name__, t.__new__.__module__ is not None),
}


@pytest.mark.parametrize("action", TUPLE_ACTIONS.values(), ids=TUPLE_ACTIONS)
def test_a_named_tuple_does_what_the_standard_one_does(action: Callable[[Any], Any]) -> None:
    def outcome(kind: Any) -> object:
        try:
            return action(kind)
        except (TypeError, ValueError, AttributeError) as error:
            # An unknown field is a ValueError of the standard ones, a TypeError since Python 3.13.
            return AttributeError if isinstance(error, AttributeError) else TypeError

    # The first instance has another maker than the others.
    assert outcome(Tuple) == outcome(StandardTuple)
    assert outcome(Tuple) == outcome(StandardTuple)
