"""Where data goes and in which format: `-o` and `-t`.

A word of a verb's format list is a format and goes to stdout; anything else is a destination, whose
format comes from its ending or from `-t`. A file is written whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, NamedTuple, TextIO

from kubectl_snapshot.commands.flags import add_flag, add_repeated_flag
from kubectl_snapshot.document.destination import CONFIGMAP_SCHEME
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.render.all_renderers import RENDERERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_snapshot.clients.kube import Kube
    from kubectl_snapshot.document.destination import ConfigMapName
    from kubectl_snapshot.document.snapshot import Snapshot

# Words that a later version gives a meaning, so that today none of them becomes a file's name.
RESERVED = ("table", "wide", "html", "template")


class Formats(NamedTuple):
    """What a verb can write: names of formats, the one it takes by default, and a path's.

    `from_path` returns the empty text for an ending that tells nothing.
    """

    names: Sequence[str]
    default: str
    from_path: Callable[[str], str]


@dataclass(frozen=True)
class Output:
    """One copy of the data: to a file, to a ConfigMap, or to stdout where it has neither."""

    format: str
    path: str = ""
    configmap: ConfigMapName | None = None

    @property
    def place(self) -> str:
        """Return what the user calls it, empty for stdout."""
        if self.configmap is None:
            return self.path
        return f"{CONFIGMAP_SCHEME}{self.configmap.namespace}/{self.configmap.name}"


def from_snapshot_path(path: str) -> str:
    from kubectl_snapshot.document.destination import format_from_path

    return format_from_path(path)


SNAPSHOT_FORMATS = Formats(tuple(RENDERERS), "yaml", from_snapshot_path)


def add_output_flags(
    parser: argparse.ArgumentParser,
    formats: Formats = SNAPSHOT_FORMATS,
    places: str = "a file, cm://NAMESPACE/NAME",
    variable: bool = True,
) -> None:
    """Add `-o` and `-t`."""
    group = parser.add_argument_group("output")
    names = ", ".join(formats.names)
    add_repeated_flag(
        group,
        "-o",
        "--output",
        variable=variable,
        metavar="FORMAT|FILE",
        help=f"{names}, or {places}, or - for stdout; can be repeated (default: {formats.default})",
    )
    add_flag(
        group,
        "-t",
        "--format",
        variable=variable,
        metavar="FORMAT",
        default="",
        help="format of a destination whose ending does not tell",
    )


def parse_outputs(
    values: Sequence[str], format_name: str, formats: Formats = SNAPSHOT_FORMATS
) -> tuple[Output, ...]:
    """Return what `-o` and `-t` ask for; raise InvalidRequest for two copies to one place."""
    if format_name and format_name not in formats.names:
        raise InvalidRequest(
            f"{format_name!r} is no output format", hint=f"use one of {', '.join(formats.names)}"
        )
    outputs = tuple(_parse_output(v.strip(), format_name, formats) for v in values or ["-"])
    places = [output.place for output in outputs]
    doubled = next((place for place in places if places.count(place) > 1), None)
    if doubled is not None:
        raise InvalidRequest(
            f"two outputs go to {doubled or 'stdout'}", hint="send one of them to a file: -o FILE"
        )
    return outputs


def check_outputs(outputs: Sequence[Output], connect: Callable[[], Kube]) -> None:
    """Raise for a place that could not be written to, before a capture is spent on it."""
    from kubectl_snapshot.clients.outputfile import check_writable

    for output in outputs:
        if output.configmap is not None:
            from kubectl_snapshot.fleet.store import check_configmap

            check_configmap(output.configmap, connect())
        elif output.path:
            check_writable(output.path)


def load_renderers(outputs: Sequence[Output]) -> None:
    """Spend now what the first use of a format costs, its imports."""
    from kubectl_snapshot.document.snapshot import new_snapshot

    for output in outputs:
        RENDERERS[output.format](new_snapshot())


def write_outputs(
    outputs: Sequence[Output], snapshot: Snapshot, out: TextIO, connect: Callable[[], Kube]
) -> None:
    """Write every copy of a document."""
    for output in outputs:
        if output.configmap is None:
            write_text(output, RENDERERS[output.format](snapshot), out)
        else:
            from kubectl_snapshot.fleet.store import write_configmap

            write_configmap(snapshot, output.configmap, output.format, connect())


def write_text(output: Output, text: str, out: TextIO) -> None:
    """Write one copy to its file or to stdout."""
    from kubectl_snapshot.clients.outputfile import write_whole

    if output.path:
        write_whole(output.path, text)
    else:
        out.write(text)
        out.flush()


def _parse_output(value: str, format_name: str, formats: Formats) -> Output:
    if value in ("", "-"):
        return Output(format_name or formats.default)
    if value in formats.names:
        return Output(value)
    if value.startswith(CONFIGMAP_SCHEME) and formats is SNAPSHOT_FORMATS:
        return _parse_configmap_output(value, format_name)
    if value.partition("=")[0] in RESERVED or value.startswith(CONFIGMAP_SCHEME):
        raise InvalidRequest(
            f"this version cannot write {value}",
            hint=f"use {', '.join(formats.names)} or a file; ./{value} is the file of that name",
        )
    chosen = format_name or formats.from_path(value)
    if chosen not in formats.names:
        what = f"this version cannot write the format {chosen} of {value}"
        raise InvalidRequest(
            what if chosen else f"the ending of {value} tells no format",
            hint=f"choose one with -t: {', '.join(formats.names)}",
        )
    return Output(chosen, value)


def _parse_configmap_output(value: str, format_name: str) -> Output:
    from kubectl_snapshot.document import configmap

    place = configmap.parse_place(value)
    chosen = format_name or configmap.DEFAULT_FORMAT
    if chosen not in configmap.FORMATS:
        raise InvalidRequest(
            f"a ConfigMap cannot hold the format {chosen}",
            hint=f"use -t {' or -t '.join(configmap.FORMATS)}",
        )
    return Output(chosen, configmap=place)
