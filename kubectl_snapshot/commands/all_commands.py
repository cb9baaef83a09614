"""The verbs by name: module and help line. Only the module of the typed verb is imported."""

from __future__ import annotations

from kubectl_snapshot.errors import InvalidRequest

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_COMMAND = "capture"

# Verbs whose exit code 1 is an answer; an error that nobody foresaw is 8 there.
ANSWERING = ("check", "diff")

# These may stand before the verb.
LOG_FLAGS = ("--debug", "--log-json", "--quiet", "-v", "--verbose")

# Asked by shells, not typed by people: docs/completion.md.
COMPLETE = "__complete"
COMPLETE_FOR_KUBECTL = "__complete-for-kubectl"

# name -> (module, one line of help)
COMMANDS = {
    "capture": ("kubectl_snapshot.commands.capture", "capture a node; what is done without a verb"),
    "check": ("kubectl_snapshot.commands.check", "check a snapshot by constraints and rules"),
    "cleanup": ("kubectl_snapshot.commands.cleanup", "remove what runs have left behind"),
    "collect": ("kubectl_snapshot.commands.collect", "collect on the spot, as the agent does"),
    "completion": (
        "kubectl_snapshot.commands.completion.verb",
        "complete words on TAB, in bash, zsh and fish",
    ),
    "diff": ("kubectl_snapshot.commands.diff", "tell what differs between two snapshots"),
    "preflight": (
        "kubectl_snapshot.commands.preflight",
        "tell whether a capture would work here, and what mends it",
    ),
    "query": ("kubectl_snapshot.commands.query", "print values of a snapshot by path"),
    "rbac": ("kubectl_snapshot.commands.rbac", "print the rights that an administrator gives once"),
    "report": (
        "kubectl_snapshot.commands.report",
        "write one page of HTML: a node, or a difference",
    ),
    "schema": ("kubectl_snapshot.commands.schema", "print the JSON Schema of a snapshot"),
    "version": ("kubectl_snapshot.commands.version", "print version, Python and agent image"),
}


def split_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the verb and the other words; log flags may stand before the verb.

    Raises InvalidRequest for a first word that is no verb.
    """
    for index, word in enumerate(words):
        if word in LOG_FLAGS:
            continue
        if word.startswith("-"):
            break
        if word not in COMMANDS:
            from kubectl_snapshot.commands.flags.suggest import suggest

            raise InvalidRequest(
                f"unknown command {word!r}",
                why=f"the commands are {', '.join(COMMANDS)}",
                hint=suggest(word, COMMANDS, "see `kubectl snapshot --help`"),
            )
        return word, [*words[:index], *words[index + 1 :]]
    return DEFAULT_COMMAND, list(words)
