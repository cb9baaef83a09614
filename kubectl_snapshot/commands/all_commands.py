"""The verbs by name: module and help line. Only the module of the typed verb is imported."""

from __future__ import annotations

DEFAULT_COMMAND = "capture"

# Verbs whose exit code 1 is an answer; an error that nobody foresaw is 8 there.
ANSWERING = ("check",)

# name -> (module, one line of help)
COMMANDS = {
    "capture": ("kubectl_snapshot.commands.capture", "capture a node; what is done without a verb"),
    "check": ("kubectl_snapshot.commands.check", "check a snapshot by constraints and rules"),
    "cleanup": ("kubectl_snapshot.commands.cleanup", "remove what runs have left behind"),
    "collect": ("kubectl_snapshot.commands.collect", "collect on the spot, as the agent does"),
    "preflight": (
        "kubectl_snapshot.commands.preflight",
        "tell whether a capture would work here, and what mends it",
    ),
    "query": ("kubectl_snapshot.commands.query", "print values of a snapshot by path"),
    "rbac": ("kubectl_snapshot.commands.rbac", "print the rights that an administrator gives once"),
    "schema": ("kubectl_snapshot.commands.schema", "print the JSON Schema of a snapshot"),
    "version": ("kubectl_snapshot.commands.version", "print version, Python and agent image"),
}
