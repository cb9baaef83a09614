"""Versions as the contract reads them (section 5): up to three numbers; what follows is ignored."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.regex import compile_late

MAX_PARTS = 3
INT64_MAX = 2**63 - 1
# From the first sign that directly follows a digit on: `-eks-3025e55`, `+k3s1`, `-rc.1`.
EXTRAS = compile_late(r"(?<=[0-9])[-+]")
NUMBER = compile_late(r"[-+]?[0-9]+")
# Most versions, with what EXTRAS ends; numbers that fit 64 bits for certain.
USUAL = compile_late(r"v?([0-9]{1,18})(?:\.([0-9]{1,18}))?(?:\.([0-9]{1,18}))?([-+].*)?", re.DOTALL)
DIGIT = compile_late("[0-9]")
# A shortened git hash; one of digits only looks like a number.
HASH = compile_late(r"(?=.*[a-f])g?[0-9a-f]{6,40}")
PRERELEASE = compile_late(r"-(alpha|beta|rc|preview|dev)(?![A-Za-z])")
# int() refuses more than 4,300 digits.
MAX_DIGITS = 400


class Version(NamedTuple):
    """A version; `precision` is how many of its numbers were given, the others are 0."""

    major: int
    minor: int
    patch: int
    precision: int
    extras: str

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch


def parse_version(text: str) -> Version:
    """Parse a version; a leading `v` and the suffix after the numbers are ignored."""
    match = USUAL.fullmatch(text)
    if match:
        major, minor, patch, extras = match.groups()
        precision = 1 + (minor is not None) + (patch is not None)
        return Version(int(major), int(minor or 0), int(patch or 0), precision, extras or "")
    if not text:
        raise InvalidRequest("the version is empty")
    plain = text[1:] if text.startswith("v") else text
    sign = EXTRAS.search(plain)
    end = sign.start() if sign else len(plain)
    parts = plain[:end].split(".")
    if len(parts) > MAX_PARTS:
        raise InvalidRequest(f'invalid version "{text}"', why=f"it has more than {MAX_PARTS} parts")
    numbers = [_parse_number(part, text) for part in parts]
    major, minor, patch = numbers + [0] * (MAX_PARTS - len(numbers))
    return Version(major, minor, patch, len(numbers), plain[end:])


def compare_versions(a: Version, b: Version) -> int:
    """Return -1, 0 or 1 by the numbers that both have: `1.32` equals `1.32.4`."""
    precision = min(a.precision, b.precision)
    left, right = a.numbers[:precision], b.numbers[:precision]
    return (left > right) - (left < right)


def equal_versions(a: Version, b: Version) -> bool:
    """Return whether all three numbers are equal; missing ones are 0."""
    return a.numbers == b.numbers


def compare_builds(found: str, expected: str) -> int | None:
    """Return -1, 0 or 1 by the suffixes of two equal versions, None if they have no order.

    Numbers are compared up to where the expected suffix ends, and text must be equal before them:
    `-gke.1318001` is more than `-gke.1318000`, `-1041-nvidia` equals `-1041`. A git hash, and what
    EKS puts after its name, has no order. A release is more than its own pre-release.
    """
    if not found and PRERELEASE.match(expected):
        return 1
    wanted, actual = _split_build(expected), _split_build(found)
    for mine, other in zip(actual, wanted):
        if mine == other:
            continue
        if isinstance(mine, int) and isinstance(other, int):
            return 1 if mine > other else -1
        return None
    return 0 if len(actual) >= len(wanted) else None


def _split_build(extras: str) -> list[int | str]:
    """Return the words of a suffix: numbers, and text with what separates them."""
    words: list[int | str] = []
    is_hash = False
    for word in re.findall("[A-Za-z0-9]+|[^A-Za-z0-9]+", extras):
        if is_hash or HASH.fullmatch(word):
            words.append(word)
        else:
            parts = re.findall("[0-9]+|[^0-9]+", word)
            words += [int(p) if p.isdecimal() and len(p) < MAX_DIGITS else p for p in parts]
        is_hash = word == "eks" or (is_hash and not word.isalnum())
    return words


def looks_like_version(text: str) -> bool:
    """Return whether a text has a digit and a dot anywhere: `24.04` and `a.b1` do, `v1` not."""
    return "." in text and DIGIT.search(text) is not None


def _parse_number(part: str, text: str) -> int:
    # int() refuses more than 4,300 digits, and takes digits of other scripts, `_` and blanks.
    number = int(part) if NUMBER.fullmatch(part) and len(part) <= 4300 else None
    if number is None or abs(number) > INT64_MAX:
        raise InvalidRequest(f'invalid version "{text}"', why=f'"{part}" is not a 64-bit number')
    if number < 0:
        raise InvalidRequest(f'invalid version "{text}"', why=f"{part} is negative")
    return number
