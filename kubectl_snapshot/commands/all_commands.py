"""Command registry: name, module, help line. Only the invoked command's module is imported."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_COMMAND = "capture"

# Commands whose exit code 1 means "no"; an unclassified error exits 8 there.
ANSWERING = ("check", "diff", "findings", "redactions", "schedule")

# Flags that may precede the command.
LOG_FLAGS = ("--debug", "--log-json", "--quiet", "-v", "--verbose")

HELP = "help"
VERSION_FLAGS = ("--version", "-V")

# Called by shells: docs/completion.md.
COMPLETE = "__complete"
COMPLETE_FOR_KUBECTL = "__complete-for-kubectl"

# name -> (module, one line of help)
COMMANDS = {
    "baseline": (
        "kubectl_snapshot.commands.baseline",
        "write what a fleet has in common as a rule file",
    ),
    "capture": ("kubectl_snapshot.commands.capture", "capture a node (default)"),
    "check": (
        "kubectl_snapshot.commands.check",
        "check a snapshot against constraints and rule files",
    ),
    "cleanup": (
        "kubectl_snapshot.commands.cleanup",
        "delete objects that runs left in the cluster",
    ),
    "collect": (
        "kubectl_snapshot.commands.collect",
        "collect on this machine; the agent runs this",
    ),
    "completion": (
        "kubectl_snapshot.commands.completion.verb",
        "set up completion for bash, zsh or fish",
    ),
    "convert": (
        "kubectl_snapshot.commands.convert",
        "write a snapshot in another version or format",
    ),
    "diff": ("kubectl_snapshot.commands.diff", "compare two snapshots"),
    "export": (
        "kubectl_snapshot.commands.export",
        "write the readings of fleets as a table",
    ),
    "findings": ("kubectl_snapshot.commands.findings", "show what is wrong with a node"),
    "options": ("kubectl_snapshot.commands.options", "list the connection flags"),
    "preflight": (
        "kubectl_snapshot.commands.preflight",
        "check that a capture would work, and how to fix it if not",
    ),
    "query": ("kubectl_snapshot.commands.query", "print values of a snapshot by path"),
    "rbac": ("kubectl_snapshot.commands.rbac", "print the RBAC objects that a capture needs"),
    "redactions": (
        "kubectl_snapshot.commands.redactions",
        "list what was redacted, and what to review",
    ),
    "report": (
        "kubectl_snapshot.commands.report",
        "render a snapshot or a diff as an HTML page",
    ),
    "schedule": (
        "kubectl_snapshot.commands.schedule",
        "print a CronJob that captures a fleet",
    ),
    "schema": ("kubectl_snapshot.commands.schema", "print the JSON Schema of snapshots"),
    "version": ("kubectl_snapshot.commands.version", "print the client and server versions"),
}


def split_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the command and its arguments; logging flags may precede the command.

    `help VERB` is `VERB --help`, and `--version` is `version --client`. An unknown command
    is "", with all words from it on.
    """
    for index, word in enumerate(words):
        others = [*words[:index], *words[index + 1 :]]
        if word.partition("=")[0] in LOG_FLAGS:
            continue
        if word == HELP:
            name, rest = split_command(others)
            return name, [*rest, "--help"]
        if word in VERSION_FLAGS:
            return "version", [*others, "--client"]
        if word in COMMANDS:
            return word, others
        if word[:1] == "-" or not word[:1].isascii() or word in ("true", "false"):
            break  # The parser explains a mistyped flag.
        return "", list(words[index:])
    return DEFAULT_COMMAND, list(words)
