"""The verbs by name: module and help line. Only the module of the typed verb is imported."""

from __future__ import annotations

DEFAULT_COMMAND = "capture"

# name -> (module, one line of help)
COMMANDS = {
    "capture": ("kubectl_snapshot.commands.capture", "capture a node; what is done without a verb"),
    "collect": ("kubectl_snapshot.commands.collect", "collect on the spot, as the agent does"),
    "schema": ("kubectl_snapshot.commands.schema", "print the JSON Schema of a snapshot"),
    "version": ("kubectl_snapshot.commands.version", "print version, Python and agent image"),
}
