"""Print the completion candidates of the last word, for `kubectl-snapshot __complete WORD…`.

The format is cobra's, which kubectl reads: lines of `candidate TAB description`, then `:directive`.
Nothing is printed on stderr: a user is typing there.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple, TextIO

from kubectl_snapshot.commands.all_commands import COMMANDS, LOG_FLAGS
from kubectl_snapshot.errors import EXIT_OK, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# cobra, completions.go, ShellCompDirective
NO_SPACE, NO_FILES = 2, 4
MAX_DESCRIPTION = 72
# With the start of Python added, completion ends within a second.
LIMIT_S = 0.8


class Completion(NamedTuple):
    """Candidates with their descriptions, and whether a file name may be completed as well."""

    candidates: Mapping[str, str]
    takes_file: bool = False


def print_completion(
    words: Sequence[str], env: Mapping[str, str], out: TextIO, for_kubectl: bool = False
) -> int:
    """Print the completion of a command line whose last word is unfinished."""
    detach_terminal()
    *before, prefix = words or [""]
    if for_kubectl and cuts_values(prefix) and read_shell(env) != "bash":
        completion = Completion({})
    else:
        completion = find_completion(before, prefix, env)
    out.write(render_completion(completion))
    return EXIT_OK


def cuts_values(prefix: str) -> bool:
    """Return whether kubectl's zsh and fish scripts would insert a value at the wrong place.

    They take the longest match of `-.*=` anywhere in a word for the flag: in
    `--node-selector=pool=` and in `instance-type=`, the key of a label.
    """
    _, dash, after = prefix.partition("-")
    flag, _, value = prefix.partition("=")
    return bool(dash) and "=" in (value if flag.startswith("-") else after)


def read_shell(env: Mapping[str, str]) -> str:
    """Return the name of the shell: kubectl's parent process."""
    try:
        with open(f"/proc/{os.getppid()}/stat", encoding="utf-8", errors="replace") as file:
            parent = file.read().rpartition(")")[2].split()[1]
        with open(f"/proc/{parent}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except (OSError, IndexError):  # not Linux
        return os.path.basename(env.get("SHELL", ""))


def detach_terminal() -> None:
    """Detach stdin and stderr, so that credential plugins can neither prompt nor print."""
    for descriptor, mode in ((0, os.O_RDONLY), (2, os.O_WRONLY)):
        null = os.open(os.devnull, mode)
        os.dup2(null, descriptor)
        os.close(null)


def find_completion(
    before: Sequence[str], prefix: str, env: Mapping[str, str], limit_s: float = LIMIT_S
) -> Completion:
    """Return the completion of a prefix after the words before it.

    Waits at most `limit_s` for a cluster.
    """
    if all(word in LOG_FLAGS for word in before) and not prefix.startswith("-"):
        verbs = {name: text for name, (_, text) in COMMANDS.items()}
        return Completion({name: verbs[name] for name in verbs if name.startswith(prefix)})
    from kubectl_snapshot.commands.completion.flags import complete_flags

    try:
        return Completion(*complete_flags(before, prefix, env, limit_s))
    except SnapshotError:  # the command itself will report it
        return Completion({})


def render_completion(completion: Completion) -> str:
    """Return the completion in cobra's format, without candidates with control characters."""
    lines = []
    for candidate, description in completion.candidates.items():
        if candidate.isprintable():
            text = description and describe(description)
            lines.append(f"{candidate}\t{text}" if text else candidate)
    directive = 0 if completion.takes_file else NO_FILES
    if any(candidate.endswith(("=", ".")) for candidate in completion.candidates):
        directive |= NO_SPACE
    return "".join(f"{line}\n" for line in [*lines, f":{directive}"])


def describe(text: str) -> str:
    """Return the first phrase of a flag's help, on one line."""
    phrase = "" if text == "==SUPPRESS==" else re.split(r";| \((?:default|repeatable)", text)[0]
    line = " ".join(phrase.split())
    return line if len(line) <= MAX_DESCRIPTION else line[: MAX_DESCRIPTION - 1] + "…"
