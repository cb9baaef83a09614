"""Identifiers of one machine, replaced by invented ones: the same by the same, everywhere. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NAMES_TOO_COMMON = ("localhost", "localhost.localdomain", "(none)")
SHORTEST_NAME = 4
SHORTEST_SERIAL = 6
HOST_NAME = "gpu-host"

_UUID = re.compile(
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
)
_NUMBER = re.compile(rf"0x[0-9a-f]+|[0-9a-f]{{{SHORTEST_SERIAL},}}")
_PROCESS = re.compile(r"(<process_name>)[^<]*(</process_name>)")
_MAC = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])")
_IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_SHORT_UUID = re.compile(r"\b((?:PART)?UUID=)[0-9A-Fa-f]{4,8}-[0-9A-Fa-f]{2,4}\b")


def find_uuids(texts: Iterable[str]) -> list[str]:
    """Return the UUIDs in texts, each once, in the order in which they first appear."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(match[0].lower() for match in _UUID.finditer(text)))
    return [uuid for uuid in found if uuid.strip("0-")]


def build_replacements(
    texts: Iterable[str],
    serials: Iterable[str] = (),
    numbers: Iterable[str] = (),
    host_names: Iterable[str] = (),
) -> dict[str, str]:
    """Return what replaces each identifier, by its text in lower case.

    `serials` are texts, `numbers` one number each in any base that is written: `0x5A`, `90`.
    """
    found = {
        uuid: f"00000000-0000-4000-8000-{n:012x}" for n, uuid in enumerate(find_uuids(texts), 1)
    }
    long = (serial for serial in _once(serials) if len(serial) >= SHORTEST_SERIAL)
    for n, serial in enumerate(long, 1):
        found[serial] = _build_serial(serial, n)
    found.update(_replace_numbers(_once(numbers)))
    for name in _once(host_names):
        if len(name) >= SHORTEST_NAME and name not in NAMES_TOO_COMMON:
            found[name] = HOST_NAME
    return found


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text.strip().lower() for text in texts if text.strip()))


def _build_serial(serial: str, number: int) -> str:
    if serial.isdigit():
        return f"165{number:0{max(len(serial) - 3, 1)}d}"
    return f"SERIAL{number:0{max(len(serial) - 6, 1)}d}"


def _replace_numbers(texts: Iterable[str]) -> dict[str, str]:
    invented: dict[int, int] = {}
    found = {}
    for text in texts:
        if not _NUMBER.fullmatch(text):
            continue
        # Digits alone are a decimal number: pdi. A GUID without 0x has its leading zeros.
        is_hexadecimal = text.startswith("0x") or not text.isdigit() or len(text) == 32
        value = int(text, 16 if is_hexadecimal else 10)
        if not value:
            continue
        number = invented.setdefault(value, len(invented) + 1)
        if text.startswith("0x"):
            found[text] = f"0x{number:0{len(text) - 2}x}"
        else:
            found[text] = f"{number:0{len(text)}x}" if is_hexadecimal else str(number)
    return found


def scrub(text: str, replacements: Mapping[str, str]) -> str:
    """Return a text with every identifier replaced, and the names of processes left out."""
    text = _PROCESS.sub(r"\1process\2", text)
    if not replacements:
        return text
    longest_first = sorted(replacements, key=len, reverse=True)
    pattern = "|".join(re.escape(name) for name in longest_first)
    # A serial number is no part of a longer number, a host name none of a longer word.
    whole = re.compile(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])", re.IGNORECASE)
    return whole.sub(lambda match: replacements[match[0].lower()], text)


def scrub_system(text: str) -> str:
    """Return a text of the system (kernel parameters, settings) without addresses and disk ids."""
    text = _SHORT_UUID.sub(r"\g<1>0000-0000", text)
    text = _MAC.sub("00:00:5e:00:53:01", text)
    return _IP.sub(_replace_ip, text)


def _replace_ip(match: re.Match[str]) -> str:
    parts = [int(part) for part in match[0].split(".")]
    is_address = all(part <= 255 for part in parts) and parts[0] not in (0, 127, 255)
    return "192.0.2.1" if is_address else match[0]
