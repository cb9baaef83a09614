"""Find the path that a mistyped one means. Pure.

Searched are the document's paths and those that collectors declare: another case, a sysctl with
dots, a key without its subtype, then type, subtype and key by their spelling.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.patterns import matches_pattern
from kubectl_snapshot.document.snapshot import list_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kubectl_snapshot.document.registry import Registry
    from kubectl_snapshot.document.snapshot import Snapshot

SYSCTL = "OS.sysctl./proc/sys/"
# Directories below /proc/sys (Documentation/admin-guide/sysctl/index.rst).
SYSCTL_ROOTS = ("abi", "crypto", "debug", "dev", "fs", "kernel", "net", "sunrpc", "user", "vm")
# Names differ by a mistake if one of their words does, and it is spelled nearly the same.
MIN_WORD, MISTYPED = 4, 0.8


def suggest_path(path: str, snapshot: Snapshot, registry: Registry = ()) -> str:
    """Return the path that was probably meant, "" if there is no candidate."""
    keys = _keys_by_subtype(snapshot, registry)
    paths = [f"{subtype}.{key}" for subtype, names in keys.items() for key in names]
    return (
        next((p for p in (*paths, *keys) if p.lower() == path.lower()), "")
        or _suggest_sysctl(path, paths)
        or next((p for p in paths if p.lower().endswith(f".{path.lower()}")), "")
        or _suggest_parts(path, keys, snapshot)
    )


def is_mistyped(name: str, known: Iterable[str]) -> bool:
    """Return whether a name is one of the known ones but for one misspelled word."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    return any(_differ_by_spelling(words, re.split(r"[^A-Za-z0-9]+", other)) for other in known)


def _differ_by_spelling(words: list[str], others: list[str]) -> bool:
    pairs = [(a, b) for a, b in zip(words, others) if a != b]
    if len(words) != len(others) or len(pairs) != 1:
        return False
    word, other = pairs[0]
    is_word = min(len(word), len(other)) >= MIN_WORD and word.isalpha() and other.isalpha()
    return is_word and bool(_closest(word, [other], MISTYPED))


def _keys_by_subtype(snapshot: Snapshot, registry: Registry) -> dict[str, list[str]]:
    """Return the keys of each `Type.Subtype`: those that exist, then those that are declared."""
    keys: dict[str, list[str]] = {}
    for type_, subtype in iter_subtypes(snapshot):
        keys[f"{type_}.{subtype.name}"] = list(subtype.data)
    for measurement in registry:
        for spec in measurement.subtypes:
            if spec.name != "*":
                keys.setdefault(f"{measurement.type}.{spec.name}", []).extend(spec.keys)
    return keys


def _suggest_sysctl(path: str, paths: Iterable[str]) -> str:
    """Return the path of a sysctl in the form of sysctl(8): `vm.swappiness`."""
    plain = path.replace("/proc/sys/", "").strip("/")
    candidate = SYSCTL + plain.replace(".", "/")
    is_sysctl = plain.partition(".")[0] in SYSCTL_ROOTS and "." in plain
    return candidate if candidate in paths or is_sysctl else ""


def _suggest_parts(path: str, keys: Mapping[str, list[str]], snapshot: Snapshot) -> str:
    """Return the path with type, subtype and key each replaced by the closest one."""
    typed, _, rest = path.partition(".")
    type_ = _closest(typed, (*list_types(snapshot), *(name.partition(".")[0] for name in keys)))
    if not rest:
        return type_
    names = [name.partition(".")[2] for name in keys if name.startswith(f"{type_}.")]
    splits = list(_splits(rest))
    exact = [(name, name, key) for name, key in splits if name in names]
    numbered = [
        (name, pattern, key)
        for name, key in splits
        for pattern in sorted(names, key=len, reverse=True)
        if "*" in pattern and matches_pattern(name, pattern)
    ]
    owners = [
        (near, near, key)
        for name, key in splits
        if (near := _closest(name, [n for n in names if key in keys[f"{type_}.{n}"]]))
    ]
    close = [(near, near, key) for name, key in splits if (near := _closest(name, names))]
    for name, declared, key in (*owners, *exact, *numbered, *close):
        known = keys[f"{type_}.{declared}"]
        found = key if key in known else _closest(key, known)
        if found and f"{name}.{found}" != rest:
            return f"{type_}.{name}.{found}"
    if close and not exact:
        return f"{type_}.{close[0][0]}"
    return f"{type_}.{rest}" if type_ and type_ != typed else ""


def _splits(rest: str) -> Iterator[tuple[str, str]]:
    """Yield a path below its type as subtype and key, the longest subtype first."""
    parts = rest.split(".")
    for count in range(min(len(parts) - 1, 3), 0, -1):
        yield ".".join(parts[:count]), ".".join(parts[count:])
    yield rest, ""


def _closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    from difflib import get_close_matches  # late: errors only

    names = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), names, n=1, cutoff=cutoff)
    return names[found[0]] if found else ""
