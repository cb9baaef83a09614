"""Our readings beside those of independent sources: rows, and what nobody confirms. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpu_check.mapping import CONFIG, STATE, SYSTEM, Check, Value
from gpu_check.sources import Topology

EQUAL, DIFFERS, MISSING, SILENT = "equal", "differs", "missing", "no value"

Readings = Mapping[str, Value]


@dataclass(frozen=True)
class Evidence:
    """What the sources say at one time: of the system, of each GPU by address, and the matrix."""

    system: Mapping[str, str]
    gpus: Mapping[str, Mapping[str, str]]
    topology: Topology = field(default_factory=Topology)


@dataclass(frozen=True)
class Row:
    """One reading beside one source. `result` is EQUAL, DIFFERS, MISSING (ours) or SILENT (theirs).

    `why` says why two texts that differ are equal, or what the snapshot says of a missing reading.
    """

    key: str
    ours: str
    theirs: str
    source: str
    result: str
    why: str = ""
    is_moving: bool = False


@dataclass(frozen=True)
class Comparison:
    """All rows, and the keys of our readings that no source has confirmed, with their values."""

    rows: tuple[Row, ...]
    unconfirmed: Mapping[str, str]

    def count(self, result: str) -> int:
        return sum(row.result == result for row in self.rows)

    @property
    def compared(self) -> int:
        """Return how many rows have a value of a source beside ours, or instead of it."""
        return sum(row.result != SILENT for row in self.rows)

    @property
    def is_equal(self) -> bool:
        return self.count(DIFFERS) == self.count(MISSING) == 0

    @property
    def differs_in_motion(self) -> bool:
        """Return whether a value that moves by itself is all that differs: measure again."""
        wrong = [row for row in self.rows if row.result in (DIFFERS, MISSING)]
        return bool(wrong) and all(row.is_moving and row.result == DIFFERS for row in wrong)


def find_gpu_subtypes(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the subtypes of the measurement GPU by name. Raises ValueError without one."""
    for measurement in document.get("measurements", ()):
        if measurement.get("type") == "GPU":
            return {subtype["subtype"]: subtype for subtype in measurement["subtypes"]}
    raise ValueError("the snapshot has no measurement GPU")


def compare(
    subtypes: Mapping[str, Mapping[str, Any]], before: Evidence, after: Evidence
) -> Comparison:
    """Return every GPU reading beside what the sources said before and after the capture."""
    rows: list[Row] = []
    readings: dict[str, Value] = {}
    system = {
        f"{name}.{key}": value
        for name in ("smi", "device", "hardware")
        for key, value in subtypes[name]["data"].items()
    }
    readings.update(system)
    reasons = {f"{n}.": _reason(subtypes[n]) for n in ("smi", "device", "hardware")}
    rows += _compare_all("", SYSTEM, system, before.system, after.system, reasons)
    seen = set()
    for name, config, state in _find_gpus(subtypes):
        address = str(config["data"].get("pci.bus-id", config["context"].get("pci-bus-id", "")))
        seen.add(address)
        texts = before.gpus.get(address, {}), after.gpus.get(address, {})
        for subtype, label, checks in ((config, name, CONFIG), (state, f"{name}-state", STATE)):
            found = subtype["data"]
            readings.update({f"{label}.{key}": value for key, value in found.items()})
            rows += _compare_all(f"{label}.", checks, found, *texts, {"": _reason(subtype)})
    for address in sorted({*before.gpus} - seen):
        rows.append(Row("gpu", "", address, "nvidia-smi or /sys", MISSING))
    links = subtypes["topology"]["data"]
    readings.update({f"topology.{key}": value for key, value in links.items()})
    rows += _compare_links(links, before)
    confirmed = {row.key for row in rows if row.result != SILENT}
    lacking = {key: str(value) for key, value in readings.items() if key not in confirmed}
    return Comparison(tuple(rows), lacking)


def _find_gpus(
    subtypes: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    nothing: dict[str, Any] = {"data": {}, "context": {}}
    for name in subtypes:
        if re.fullmatch(r"gpu-\d+", name):
            yield name, subtypes[name], subtypes.get(f"{name}-state", nothing)


def _reason(subtype: Mapping[str, Any]) -> str:
    return str(subtype.get("context", {}).get("reason", ""))


def _compare_all(
    prefix: str,
    checks: Iterable[Check],
    readings: Readings,
    before: Mapping[str, str],
    after: Mapping[str, str],
    reasons: Mapping[str, str],
) -> Iterator[Row]:
    for check in checks:
        for key, source in _expand(check, readings, before):
            theirs = before.get(source), after.get(source)
            found = [text for text in theirs if text is not None]
            if not found:
                continue  # this driver's report has no such element
            reason = next((why for start, why in reasons.items() if key.startswith(start)), "")
            row = compare_one(check, key, source, readings.get(key), found, reason)
            if row is not None:
                yield _with_prefix(row, prefix)


def _with_prefix(row: Row, prefix: str) -> Row:
    fields = (row.ours, row.theirs, row.source, row.result, row.why, row.is_moving)
    return Row(prefix + row.key, *fields)


def _expand(
    check: Check, readings: Readings, texts: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the keys and sources of a check, one for each number that a `*` can stand for."""
    if "*" not in check.key:
        yield check.key, check.source
        return
    numbers = {*_numbers(check.key, readings), *_numbers(check.source, texts)}
    for number in sorted(numbers, key=int):
        yield check.key.replace("*", number), check.source.replace("*", number)


def _numbers(pattern: str, names: Iterable[str]) -> Iterator[str]:
    wanted = re.compile(re.escape(pattern).replace(r"\*", r"(\d+)"))
    for name in names:
        if match := wanted.fullmatch(name):
            yield match[1]


def compare_one(
    check: Check,
    key: str,
    source: str,
    ours: Value | None,
    theirs: Sequence[str],
    reason: str = "",
) -> Row | None:
    """Return one reading beside a source's texts, before and after; None where neither has it."""
    try:
        values = [check.convert(text) for text in theirs]
    except (ValueError, IndexError):
        values = [f"unreadable: {text}" for text in theirs]
    reported = [value for value in values if value is not None]
    shown = " .. ".join(dict.fromkeys(theirs))
    if not reported:
        if ours is None:
            return None
        return Row(key, _show(ours), shown, source, SILENT, is_moving=check.is_moving)
    if ours is None:
        if check.is_implied:
            return None
        return Row(key, "", shown, source, MISSING, reason, check.is_moving)
    is_equal = _is_equal(check, check.express(ours), reported)
    why = check.why if is_equal and _show(ours) not in theirs else ""
    if is_equal and not why and _show(ours) not in theirs:
        why = "moved between two readings" if check.is_moving else "one value, other text"
    result = EQUAL if is_equal else DIFFERS
    return Row(key, _show(ours), shown, source, result, why, check.is_moving)


def _is_equal(check: Check, ours: Value, theirs: Sequence[Value]) -> bool:
    if isinstance(ours, bool) or any(isinstance(value, (str, bool)) for value in theirs):
        if check.may_be_cut and any(str(ours).startswith(f"{value},") for value in theirs):
            return True
        # Of different kinds they are not equal: True is no 1.
        return any(type(value) is type(ours) and value == ours for value in theirs)
    if isinstance(ours, str):
        return False
    numbers = [float(value) for value in theirs]
    low, high = (min(numbers), max(numbers)) if check.is_moving else (numbers[0], numbers[0])
    return low - check.tolerance <= ours <= high + check.tolerance


def _compare_links(links: Mapping[str, Any], evidence: Evidence) -> Iterator[Row]:
    """Yield how each two GPUs are linked, beside the matrix of `nvidia-smi topo -m`."""
    uuids = {
        int(texts["smi:(order)"]): texts.get("smi:uuid", "")
        for texts in evidence.gpus.values()
        if "smi:(order)" in texts
    }
    rows = evidence.topology.rows
    for one in sorted(rows):
        for other in (number for number in sorted(rows) if number > one):
            theirs = rows[one].get(f"GPU{other}", "")
            names = (uuids.get(one, ""), uuids.get(other, ""))
            key = next((k for k in ("/".join(names), "/".join(names[::-1])) if k in links), "")
            ours = str(links.get(key, ""))
            result = EQUAL if ours == theirs else DIFFERS if ours else MISSING
            name = key or "/".join(names)
            yield Row(f"topology.{name}", ours, theirs, f"topo:GPU{one}/GPU{other}", result)


def _show(value: Value) -> str:
    return str(value)


def render(comparison: Comparison) -> str:
    """Return the table, what nobody confirms, and the count of all, as text."""
    head = ("key", "ours", "theirs", "source", "result", "why equal")
    lines = [head]
    for row in comparison.rows:
        if row.result != SILENT or row.key in comparison.unconfirmed:
            theirs = row.theirs if row.theirs else '""'
            lines.append((row.key, row.ours or "-", theirs, row.source, row.result, row.why))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    widths = [min(width, 44) for width in widths]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    ]
    lacking = [f"  {line}" for line in _group(comparison.unconfirmed)]
    if lacking:
        table += ["", "confirmed by nobody:", *lacking]
    return "\n".join([*table, "", render_summary(comparison)]) + "\n"


def _group(readings: Mapping[str, str]) -> list[str]:
    """Return a line per key, whatever the numbers of GPUs and links in it, with all its values."""
    groups: dict[str, list[str]] = {}
    for key, value in readings.items():
        # Numbers of UUIDs stay: what is scrubbed later must be whole.
        name = re.sub(r"(?<=^gpu-)\d+|(?<=\.)\d+(?=\.)", "*", key)
        groups.setdefault(name, []).append(value)
    width = max(map(len, groups), default=0)
    return [
        f"{key.ljust(width)}  {len(values):>3} × {', '.join(dict.fromkeys(values))}"
        for key, values in groups.items()
    ]


def render_summary(comparison: Comparison) -> str:
    """Return the counts as one line."""
    return (
        f"{comparison.compared} rows compared: {comparison.count(EQUAL)} equal, "
        f"{comparison.count(DIFFERS)} differ, {comparison.count(MISSING)} missing; "
        f"{len(comparison.unconfirmed)} readings confirmed by nobody"
    )
