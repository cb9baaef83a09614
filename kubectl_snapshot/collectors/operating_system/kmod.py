"""The loaded kernel modules (subtype OS.kmod; contract section 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.operating_system.textfile import (
    parse_lines,
    read_content,
    split_words,
)
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import BOOLEAN, FALSE, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.operating_system.textfile import Text

SPEC = SubtypeSpec("kmod", values=BOOLEAN, missing=FALSE, profile=REFERENCE)

MODULES = "/proc/modules"


def read(host: HostPath) -> Subtype:
    """Return the loaded modules (Documentation/filesystems/proc.rst, modules)."""
    return Subtype("kmod", parse_modules(read_content(host, MODULES)))


def parse_modules(text: Text) -> dict[str, bool]:
    """Return the name of each module of /proc/modules, true."""
    return {split_words(line)[0]: True for line in parse_lines(text)}
