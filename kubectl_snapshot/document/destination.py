"""What people type about output: ConfigMap URIs, file endings, durations (contract section 5)."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubectl_snapshot.errors import InvalidRequest

CONFIGMAP_SCHEME = "cm://"
ENDINGS = {
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".table": "table",
    ".txt": "table",
}
DEFAULT_FORMAT = "json"

# Go's time.ParseDuration.
UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]+)")
# Its durations are 64-bit nanoseconds: 292 years.
MAX_DURATION_S = 2**63 / 1e9


class ConfigMapName(NamedTuple):
    """Where a ConfigMap is."""

    namespace: str
    name: str


def parse_configmap_uri(uri: str) -> ConfigMapName:
    """Return namespace and name of `cm://namespace/name`."""
    scheme, place = uri[: len(CONFIGMAP_SCHEME)], uri[len(CONFIGMAP_SCHEME) :]
    namespace, _, name = place.partition("/")
    parsed = ConfigMapName(namespace.strip(), name.strip())
    if scheme != CONFIGMAP_SCHEME or not all(parsed):
        raise InvalidRequest(
            f"{uri!r} is no ConfigMap", hint="write it as cm://namespace/name, as in cm://ops/node1"
        )
    return parsed


def detect_format(path: str) -> str:
    """Return the format that the ending of a path tells, empty if it tells none."""
    lower = path.lower()
    return next((name for ending, name in ENDINGS.items() if lower.endswith(ending)), "")


def format_from_path(path: str) -> str:
    """Return the format of a path's ending: json, yaml or table; json if it tells none."""
    return detect_format(path) or DEFAULT_FORMAT


def parse_duration(text: str) -> float:
    """Return the seconds of a Go duration that is not negative: `90s`, `1h30m`, `300ms`, `0`."""
    unsigned = text[1:] if text.startswith("+") else text
    if unsigned == "0":
        return 0.0
    parts = DURATION_PART.findall(unsigned)
    is_whole = "".join(number + unit for number, unit in parts) == unsigned
    if not parts or not is_whole or any(unit not in UNITS_S for _, unit in parts):
        raise InvalidRequest(f"{text!r} is no duration", hint="write it as 90s, 5m, 1h30m or 300ms")
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if seconds >= MAX_DURATION_S:
        raise InvalidRequest(f"the duration {text!r} is too long")
    return seconds
