"""Find what is wrong with the node of one snapshot. Pure.

A document may come from a node that was broken into: texts are cut and cleaned, and what cannot be
judged is unknown, never an error and never fine.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from kubectl_snapshot.document.findings.condition import (
    GAPS,
    OTHERS,
    Condition,
    is_met,
    name_bits,
    parse_condition,
)
from kubectl_snapshot.document.findings.readings import STATE, Reading, Readings
from kubectl_snapshot.document.findings.spec import (
    SEVERITIES,
    Finding,
    FindingSpec,
    NodeFindings,
    Proof,
    Unknown,
)
from kubectl_snapshot.document.number_ranges import collapse_numbers
from kubectl_snapshot.document.scalars import text_of
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.text import single_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot

MAX_PROOFS = 8
MAX_TEXT, MAX_NAMES = 160, 100
NOT, UNLESS, OR, ELSE = "not ", "unless ", " or ", " else "
# Types whose subtypes are devices or units.
NAMED_TYPES = ("SystemD", "Network")


class _Hit(NamedTuple):
    """A reading that meets a condition, the text of the right side and that side's path."""

    reading: Reading
    condition: Condition
    expected: str


def find_findings(
    snapshot: Snapshot, specs: Iterable[FindingSpec], mutes: Mapping[str, str] | None = None
) -> NodeFindings:
    """Return what is wrong, worst first; `mutes` are reasons by the ids of unwanted findings."""
    readings = Readings(snapshot)
    mutes = mutes or {}
    found: list[Finding] = []
    fine: list[FindingSpec] = []
    unknown: dict[str, list[FindingSpec]] = {}
    muted: dict[str, str] = {}
    for spec in specs:
        hits, reasons, is_judged = _judge(spec, readings)
        if spec.id in mutes and (hits or reasons):
            muted[spec.id] = mutes[spec.id]
            continue
        if hits:
            found.append(_build_finding(spec, hits))
        for reason in reasons:
            unknown.setdefault(reason, []).append(spec)
        if is_judged and not hits and not reasons:
            fine.append(spec)
    found.sort(key=lambda finding: SEVERITIES.index(finding.spec.severity))
    return NodeFindings(
        tuple(found),
        tuple(Unknown(reason, tuple(specs)) for reason, specs in unknown.items()),
        tuple(fine),
        tuple(muted.items()),
    )


def _judge(spec: FindingSpec, readings: Readings) -> tuple[list[_Hit], list[str], bool]:
    """Return what meets a spec, the reasons why more might, and whether anything was judged."""
    found: tuple[list[_Hit], list[str], bool] = [], [], False
    for bad in spec.bad.split(ELSE):
        found = _judge_alternatives(bad, spec, readings)
        if found[2]:
            break
    return found


def _judge_alternatives(
    bad: str, spec: FindingSpec, readings: Readings
) -> tuple[list[_Hit], list[str], bool]:
    hits: list[_Hit] = []
    reasons: dict[str, None] = {}
    is_judged = False
    for condition in map(parse_condition, bad.split(OR)):
        for reading in readings.find(condition):
            try:
                hit = _meet(spec, condition, reading, readings)
                if hit and _is_applicable(spec, reading, readings):
                    hits.append(hit)
            except InvalidRequest as e:
                reasons[shorten(f"{e.what}: {e.why}" if e.why else e.what)] = None
            else:
                is_judged = is_judged or reading.value is not None
    return hits, list(reasons), is_judged


def _meet(
    spec: FindingSpec, condition: Condition, reading: Reading, readings: Readings
) -> _Hit | None:
    """Return the hit if a reading meets a condition; raise InvalidRequest if it is unknown."""
    if reading.value is None:
        if reading.reason:
            raise InvalidRequest(reading.reason)
        return None
    expected = condition.value
    if expected == OTHERS:
        expected = readings.find_majority(condition)
    elif condition.right:
        other = next(readings.find(Condition("", condition.right), reading), None)
        if other is None or other.value is None:
            if other and other.reason:
                raise InvalidRequest(other.reason)
            return None
        expected = text_of(other.value)
    try:
        is_bad = is_met(condition, reading.value, expected, spec)
    except InvalidRequest as e:
        raise InvalidRequest(f"{reading.path}: {e.what}", e.why) from e
    if not is_bad and reading.reason:
        raise InvalidRequest(reading.reason)
    return _Hit(reading, condition, expected) if is_bad else None


def _is_applicable(spec: FindingSpec, reading: Reading, readings: Readings) -> bool:
    """Return whether all of `when` are true; raise InvalidRequest if one is unknown."""
    for text in spec.when:
        prefix = next((word for word in (NOT, UNLESS) if text.startswith(word)), "")
        condition = parse_condition(text[len(prefix) :])
        near = list(readings.find(condition, reading))
        is_true = any(_meet(spec, condition, other, readings) for other in near if _is_known(other))
        if not is_true and prefix != UNLESS and not all(map(_is_known, near)):
            raise InvalidRequest(next(other.reason for other in near if other.reason))
        if is_true == bool(prefix):
            return False
    return True


def _is_known(reading: Reading) -> bool:
    return reading.value is not None or not reading.reason


def _build_finding(spec: FindingSpec, hits: list[_Hit]) -> Finding:
    names = dict.fromkeys(_name(hit) for hit in hits)
    on = shorten(", ".join(collapse_numbers(filter(None, names))), MAX_NAMES)
    words = {
        "on": on,
        "value": _join(text_of(_value(hit)) for hit in hits),
        "other": _join(hit.expected for hit in hits),
        "reason": _join(hit.reading.note for hit in hits),
        "bits": _join(name_bits(text_of(_value(h)), spec) for h in hits if spec.bits),
    }
    proof = [p for hit in islice(hits, MAX_PROOFS) for p in _prove(hit)]
    if len(hits) > MAX_PROOFS:
        proof.append(Proof("…", f"and {len(hits) - MAX_PROOFS} more"))
    return Finding(spec, on, shorten(spec.text.format(**words), 2 * MAX_TEXT), tuple(proof))


def _name(hit: _Hit) -> str:
    """Return the device or unit that a finding is about, or the subtype with a gap; "" for none."""
    reading = hit.reading
    name = single_line(reading.name[:MAX_NAMES])
    if hit.condition.function == GAPS:
        return f"{reading.type}.{name}"
    return name.removesuffix(STATE) if reading.type in NAMED_TYPES or reading.number else ""


def _prove(hit: _Hit) -> Iterable[Proof]:
    reading, right = hit.reading, hit.condition.right
    value = text_of(_value(hit))
    if reading.key == "context.status" and reading.note:
        value = f"{value} ({reading.note})"
    yield Proof(shorten(reading.path), shorten(value))
    if right:
        yield Proof(right.replace("*", reading.number or "*"), shorten(hit.expected))


def _value(hit: _Hit) -> Scalar:
    assert hit.reading.value is not None
    return hit.reading.value


def _join(texts: Iterable[str]) -> str:
    return ", ".join(islice(dict.fromkeys(map(shorten, texts)), 3))


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Return one line without control characters, at most `limit` characters."""
    line = single_line(text[: 4 * limit])
    return line if len(line) <= limit and len(text) <= 4 * limit else f"{line[: limit - 1]}…"
