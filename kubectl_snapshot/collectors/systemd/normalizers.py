"""How `diff` normalises the properties of systemd units. Pure.

Apart from collectors/systemd, because `diff` needs nothing else of it.
"""

from __future__ import annotations

import re

# Units that start and stop with containers, sessions and services.
TRANSIENT_UNIT = r"(?:run|tmp|var-lib-(?:containerd|containers|docker|kubelet))-.*\.mount|.*\.scope"
# The end of a command in a unit's Exec*: path, arguments, flags, four times, PID, exit code and
# status (org.freedesktop.systemd1, ExecStart is a(sasbttttuii), ExecStartEx a(sasasttttuii)).
# `systemctl daemon-reload` forgets all seven numbers of a finished command; `Result` keeps them.
COMMAND_RUN = r"(\] (?:true|false|\[[^\[\]]*\]))(?: \d+){5}(?: -?\d+){2}\]"


def normalize_set(text: str) -> str:
    """Return the units of a set, sorted, without transient ones."""
    if not (text.startswith("[") and text.endswith("]")):
        return text
    units = (unit for unit in text[1:-1].split() if not re.fullmatch(TRANSIENT_UNIT, unit))
    return f"[{' '.join(sorted(units))}]"


def drop_command_run(text: str) -> str:
    """Return the commands of a unit without times, PID and exit status of their last run."""
    return re.sub(COMMAND_RUN, r"\1]", text)
