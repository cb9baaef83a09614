"""The kernel command line (subtype OS.grub; contract section 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.forms import form_of_device, form_of_ip
from kubectl_snapshot.collectors.operating_system.textfile import (
    TextRules,
    find_repeated,
    parse_map,
    read_content,
)
from kubectl_snapshot.constants import REFERENCE, WHITE_SPACE
from kubectl_snapshot.document.registry import STRING, UNSET, IgnoredKey, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype

if TYPE_CHECKING:
    from kubectl_snapshot.clients.host.hostpath import HostPath
    from kubectl_snapshot.collectors.operating_system.textfile import Text

SPEC = SubtypeSpec(
    "grub",
    values=STRING,
    profile=REFERENCE,
    missing=UNSET,
    keys_are_words=True,
    identity=(
        IgnoredKey("BOOTIF", "of each network card"),
        IgnoredKey("boot", "of each disk", form_of_device),
        IgnoredKey("ip", "of each node; DHCP and a set address differ", form_of_ip),
        IgnoredKey("rd.luks.uuid", "of each disk"),
        IgnoredKey("rd.md.uuid", "of each disk"),
        IgnoredKey("resume", "of each disk", form_of_device),
        IgnoredKey("systemd.machine_id", "of each node"),
    ),
    names_node=("*",),
    repeats={"BOOT_IMAGE": "OS.sysctl./proc/sys/kernel/osrelease"},
)

COMMAND_LINE = "/proc/cmdline"
RULES = TextRules(delimiter=" ")

_WHITE_SPACE_TO_NEWLINE = str.maketrans(dict.fromkeys(WHITE_SPACE, "\n"))


def read(host: HostPath) -> Subtype:
    """Return the parameters of the kernel (Documentation/admin-guide/kernel-parameters.rst)."""
    line = read_content(host, COMMAND_LINE)
    return Subtype("grub", parse_command_line(line), parse_lost_parameters(line))


def parse_command_line(text: Text) -> dict[str, str]:
    """Return the parameters of a kernel command line but `root`; quotes are not understood."""
    parameters = parse_map(text, RULES)
    parameters.pop("root", None)
    return parameters


def parse_lost_parameters(text: str) -> dict[str, str]:
    """Return the values that parse_command_line loses: `repeated.<key>`, `quoted.<key>`.

    These are all values of a repeated parameter, and each value that has blanks in double quotes,
    which the kernel understands (lib/cmdline.c, next_arg).
    """
    # Every second piece is between quotes; in the others each white space ends a word.
    pieces = text.split('"')
    pieces[::2] = [piece.translate(_WHITE_SPACE_TO_NEWLINE) for piece in pieces[::2]]
    entries = []
    for word in '"'.join(pieces).split("\n"):
        key, _, value = word.strip('"').partition("=")
        if key and key != "root" and not key.startswith("#"):
            entries.append((key, value.strip('"')))
    quoted = {f"quoted.{key}": value for key, value in entries if " " in value}
    return {**find_repeated(entries, " "), **quoted}
