"""Read small files of the kernel as readings: a table of file names and keys per directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.run.context import build_partial_subtype
from kubectl_snapshot.document.snapshot import ABSENT
from kubectl_snapshot.errors import Absent, InvalidRequest, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.document.snapshot import Scalar, Subtype

    Data = dict[str, Scalar]

# Switches of the kernel by what it writes; another text is none.
SWITCH: Mapping[Scalar, bool] = {1: True, 0: False}
# What the kernel writes where it does not know: speed and NUMA node -1, PCIe width 0 or 255.
UNKNOWN = ("", "-1", "unknown", "Unknown", "Unknown speed", "255", "(null)")


def read_keys(host: HostPath, directory: str, files: Mapping[str, str]) -> Data:
    """Return the readings of a directory by `files`, their keys by file; see parse_values.

    Raises as HostPath.read_values.
    """
    return parse_values(host.read_values(directory, files), files)


def read_optional(host: HostPath, directory: str, files: Mapping[str, str]) -> Data:
    """Return the readings of a directory, {} if it is absent."""
    try:
        return read_keys(host, directory, files)
    except Absent:
        return {}


def parse_values(texts: Mapping[str, str], keys: Mapping[str, str]) -> Data:
    """Return what the kernel knows by key, whole numbers as such."""
    return {
        key: to_scalar(text)
        for name, key in keys.items()
        if (text := texts.get(name, "")) not in UNKNOWN
        and not (text == "0" and name.endswith("link_width"))
    }


def to_scalar(text: str) -> Scalar:
    """Return a whole number as such, any other text as it is: `007` of a version, too."""
    return int(text) if is_number(text) and (text[0] != "0" or text == "0") else text


def is_number(text: str) -> bool:
    """Return whether a text is a whole number of at most 18 digits, of those of ASCII."""
    return text.isascii() and text.isdigit() and len(text) < 19


def refuse(path: str, text: str) -> InvalidRequest:
    """Return the error of a file that has not what the kernel writes there."""
    return InvalidRequest(f"{path} of the node cannot be understood", why=f"it reads {text[:80]!r}")


def read_names(host: HostPath, directory: str, prefix: str = "") -> tuple[str, ...]:
    """Return the sorted names in a directory that begin with `prefix`, () if it is absent."""
    try:
        return tuple(name for name in host.read_names(directory) if name.startswith(prefix))
    except Absent:
        return ()


def read_parts(name: str, *reads: Callable[[], Data]) -> Subtype:
    """Return a subtype of several sources; an absent one is left out, another failure is a gap.

    Raises the first error if nothing could be read.
    """
    data: Data = {}
    errors: list[SnapshotError] = []
    for read in reads:
        try:
            data.update(read())
        except SnapshotError as error:
            errors.append(error)
    gaps = [error for error in errors if error.collector_status != ABSENT]
    if errors and not data:
        raise (gaps or errors)[0]
    return build_partial_subtype(name, data, gaps, {})
