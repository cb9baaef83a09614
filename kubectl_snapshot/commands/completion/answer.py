"""What `kubectl-snapshot __complete WORD…` prints: what could stand in place of the last word.

The form is cobra's, which kubectl reads: lines of `candidate TAB description`, then `:directive`.
Nothing is told on stderr: a user is typing there.
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
# What Python needs to start comes on top: within a second all is said.
LIMIT_S = 0.8


class Answer(NamedTuple):
    """Candidates with their descriptions, and whether it may be a file as well."""

    candidates: Mapping[str, str]
    takes_file: bool = False


def run_words(
    words: Sequence[str], env: Mapping[str, str], out: TextIO, for_kubectl: bool = False
) -> int:
    """Print the answer for the words of a command line, the last of them unfinished."""
    silence()
    *before, prefix = words or [""]
    if for_kubectl and cuts_values(prefix) and read_shell(env) != "bash":
        answer = Answer({})
    else:
        answer = find_answer(before, prefix, env)
    out.write(render_answer(answer))
    return EXIT_OK


def cuts_values(prefix: str) -> bool:
    """Return whether kubectl's scripts for zsh and fish would put a value where it is wrong.

    They take what `-.*=` matches anywhere in a word, as far as it goes, for the flag before the
    value: in `--node-selector=pool=` and in `instance-type=` of a label's key.
    """
    _, dash, after = prefix.partition("-")
    flag, _, value = prefix.partition("=")
    return bool(dash) and "=" in (value if flag.startswith("-") else after)


def read_shell(env: Mapping[str, str]) -> str:
    """Return the name of the shell that has started kubectl, which has started us."""
    try:
        with open(f"/proc/{os.getppid()}/stat", encoding="utf-8", errors="replace") as file:
            parent = file.read().rpartition(")")[2].split()[1]
        with open(f"/proc/{parent}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except (OSError, IndexError):  # no Linux
        return os.path.basename(env.get("SHELL", ""))


def silence() -> None:
    """Take the terminal from plugins that log in: no question, no word of theirs."""
    for descriptor, mode in ((0, os.O_RDONLY), (2, os.O_WRONLY)):
        null = os.open(os.devnull, mode)
        os.dup2(null, descriptor)
        os.close(null)


def find_answer(
    before: Sequence[str], prefix: str, env: Mapping[str, str], limit_s: float = LIMIT_S
) -> Answer:
    """Return what can stand after the words before, beginning with the prefix.

    Waits for a cluster at most `limit_s`.
    """
    if all(word in LOG_FLAGS for word in before) and not prefix.startswith("-"):
        verbs = {name: text for name, (_, text) in COMMANDS.items()}
        return Answer({name: verbs[name] for name in verbs if name.startswith(prefix)})
    from kubectl_snapshot.commands.completion.flags import complete_flags

    try:
        return Answer(*complete_flags(before, prefix, env, limit_s))
    except SnapshotError:  # words or variables of which the command itself will complain
        return Answer({})


def render_answer(answer: Answer) -> str:
    """Return the answer in cobra's form; what could act on a terminal is left out."""
    lines = []
    for candidate, description in answer.candidates.items():
        if candidate.isprintable():
            text = describe(description)
            lines.append(f"{candidate}\t{text}" if text else candidate)
    directive = 0 if answer.takes_file else NO_FILES
    if any(candidate.endswith("=") for candidate in answer.candidates):
        directive |= NO_SPACE
    return "".join(f"{line}\n" for line in [*lines, f":{directive}"])


def describe(text: str) -> str:
    """Return what a flag's help says first, on one line."""
    said = "" if text == "==SUPPRESS==" else re.split(r";| \((?:default|repeatable)", text)[0]
    line = " ".join(said.split())
    return line if len(line) <= MAX_DESCRIPTION else line[: MAX_DESCRIPTION - 1] + "…"
