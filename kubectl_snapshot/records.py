"""Records that cost little to define: the standard ones cost a tenth of a start (ADR 0045, 0093).

For mypy they are the standard ones. At run time they do what we use of these. Dataclasses: frozen
or not, defaults, `field`, `replace`, `fields`, `__post_init__`, without inheritance; the functions
of `dataclasses` accept them, too. Named tuples: all but pickling.

The code that makes an instance is compiled for the first one: most starts use few of the records.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]
from operator import attrgetter

__all__ = ("NamedTuple", "dataclass", "field", "fields", "replace")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field, fields, replace
    from typing import NamedTuple
else:
    _MISSING = object()

    class _Field:
        """One field, with the arguments of dataclasses.field."""

        def __init__(self, default, default_factory, repr, compare, metadata):
            self.name = ""
            self.default = default
            self.default_factory = default_factory
            self.repr = repr
            self.compare = compare
            self.metadata = metadata

    def field(
        *, default=_MISSING, default_factory=_MISSING, repr=True, compare=True, metadata=None
    ):
        """Return the specification of a field, as dataclasses.field does."""
        return _Field(default, default_factory, repr, compare, metadata or {})

    def fields(record):
        """Return the fields of a record or of its class."""
        return record.__record_fields__

    def replace(record, **changes):
        """Return a record with some fields changed; TypeError if it has no such field."""
        kind = type(record)
        if not hasattr(kind, "__record_fields__"):
            from dataclasses import replace as replace_standard

            return replace_standard(record, **changes)
        old = {item.name: getattr(record, item.name) for item in kind.__record_fields__}
        return kind(**{**old, **changes})

    def dataclass(cls=None, *, frozen=False):
        """Make a class with annotated fields a record."""
        if cls is None:
            return lambda decorated: _make(decorated, frozen)
        return _make(cls, frozen)

    def _make(cls, frozen):
        found = tuple(_read_field(cls, name) for name in vars(cls).get("__annotations__", ()))
        cls.__record_fields__ = found
        cls.__match_args__ = tuple(item.name for item in found)
        cls.__init__ = _FirstInit(cls, found)
        compared = [item.name for item in found if item.compare]
        key = attrgetter(*compared) if compared else bool
        methods = {
            "__repr__": _repr,
            "__eq__": lambda self, other: (
                key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented
            ),
            "__hash__": (lambda self: hash(key(self))) if frozen else None,
        }
        if frozen:
            methods.update(__setattr__=_refuse, __delattr__=_refuse)
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        cls.__dataclass_fields__ = _Standard("__dataclass_fields__", cls, frozen)
        cls.__dataclass_params__ = _Standard("__dataclass_params__", cls, frozen)
        return cls

    def _read_field(cls, name):
        value = cls.__dict__.get(name, _MISSING)
        item = value if isinstance(value, _Field) else field(default=value)
        item.name = name
        if item.default is not _MISSING:
            setattr(cls, name, item.default)
        elif value is not _MISSING:
            delattr(cls, name)
        return item

    class _FirstInit:
        """Makes the __init__ of a class when one is looked up."""

        def __init__(self, cls, found):
            self.cls, self.found = cls, found

        def __get__(self, record, kind):
            init = self.cls.__init__ = _make_init(self.cls, self.found)
            return init.__get__(record, kind)

    def _make_init(cls, found):
        """Return an __init__ with a signature; frozen classes would refuse assignments."""
        space = {"_missing": _MISSING}
        parameters, lines = ["self"], ["_own = self.__dict__"]
        for item in found:
            name, value = item.name, item.name
            if item.default is not _MISSING:
                space[f"_{name}"] = item.default
                parameters.append(f"{name}=_{name}")
            elif item.default_factory is not _MISSING:
                space[f"_{name}"] = item.default_factory
                parameters.append(f"{name}=_missing")
                value = f"_{name}() if {name} is _missing else {name}"
            else:
                parameters.append(name)
            lines.append(f"_own[{name!r}] = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), space)
        init = space["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        init.__module__ = cls.__module__
        return init

    def _repr(self):
        shown = (item.name for item in self.__record_fields__ if item.repr)
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{self.__class__.__qualname__}({values})"

    def _refuse(self, name, *value):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")

    class _Standard:
        """An attribute by which `dataclasses` knows its classes, made when it is first read."""

        def __init__(self, name, cls, frozen):
            self.name, self.cls, self.frozen = name, cls, frozen

        def __get__(self, record, _kind):
            import dataclasses

            space = {"__annotations__": self.cls.__annotations__}
            for item in self.cls.__record_fields__:
                space[item.name] = dataclasses.field(
                    **{
                        name: value
                        for name, value in vars(item).items()
                        if name != "name" and value is not _MISSING
                    }
                )
            twin = dataclasses.dataclass(frozen=self.frozen)(type(self.cls.__name__, (), space))
            value = getattr(twin, self.name)
            setattr(self.cls, self.name, value)
            return value

    class _Kind(type):
        """The class of named tuples: their annotated fields, in order, are their elements."""

        def __new__(cls, name, bases, space):
            if not bases:
                return super().__new__(cls, name, (tuple,), space)
            names = tuple(space.get("__annotations__", ()))
            space["_fields"] = space["__match_args__"] = names
            space["_field_defaults"] = {name: space[name] for name in names if name in space}
            space.update((name, _tuplegetter(at, None)) for at, name in enumerate(names))
            space["__slots__"] = ()
            made = super().__new__(cls, name, bases, space)
            made.__new__ = staticmethod(_make_first)
            return made

    def _make_first(cls, *values, **named):
        """Return the first named tuple of a class, and give it the __new__ of all others."""
        space = {"_new": tuple.__new__, **{f"_{k}": v for k, v in cls._field_defaults.items()}}
        parameters = (f"{n}=_{n}" if n in cls._field_defaults else n for n in cls._fields)
        parts = "".join(f"{name}, " for name in cls._fields)
        exec(f"def __new__(_cls, {', '.join(parameters)}):\n return _new(_cls, ({parts}))", space)
        space["__new__"].__qualname__ = f"{cls.__qualname__}.__new__"
        space["__new__"].__module__ = cls.__module__
        cls.__new__ = staticmethod(space["__new__"])
        return cls(*values, **named)

    class NamedTuple(metaclass=_Kind):
        __slots__ = ()

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, **changes):
            return type(self)(**{**self._asdict(), **changes})

        def _asdict(self):
            return dict(zip(self._fields, self))

        def __repr__(self):
            values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{self.__class__.__qualname__}({values})"
