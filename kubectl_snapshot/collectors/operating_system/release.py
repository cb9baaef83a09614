"""The operating system's os-release file (subtype OS.release; contract section 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.textfile import (
    TextRules,
    parse_map,
    read_content,
)
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import STRING, SubtypeSpec
from kubectl_snapshot.document.snapshot import ABSENT, Subtype
from kubectl_snapshot.errors import Internal, InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.operating_system.textfile import Text

SPEC = SubtypeSpec("release", values=STRING, profile=REFERENCE)

RELEASE = "/etc/os-release"
FALLBACK = "/usr/lib/os-release"
RULES = TextRules(trim_chars="\"'", skip_empty_values=True)


def read(host: HostPath) -> Subtype:
    """Return the name and version of the operating system (os-release(5))."""
    try:
        content = read_content(host, RELEASE)
    except Internal as error:
        if error.collector_status != ABSENT:
            raise
        content = read_content(host, FALLBACK)
    data = parse_release(content)
    if not data:
        raise InvalidRequest(f"{RELEASE} of the node has no field")
    return Subtype("release", data)


def parse_release(text: Text) -> dict[str, str]:
    """Return the fields of an os-release file that have a value; escapes are not processed."""
    return parse_map(text, RULES)
