"""What kubeconfig files say: parsed, checked, with absolute paths, merged. No file is read here.

A key has the name and the meaning of client-go (tools/clientcmd/api/v1). Which context is meant,
and what flags change, is the matter of `kubeconfig`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEXTS = {
    "cluster": (
        "server",
        "tls-server-name",
        "certificate-authority",
        "certificate-authority-data",
        "proxy-url",
    ),
    "context": ("cluster", "user", "namespace"),
    "user": (
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "username",
        "password",
        "as",
        "as-uid",
    ),
}
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_KINDS = {
    "insecure-skip-tls-verify": bool,
    "as-groups": list,
    "as-user-extra": dict,
    "exec": dict,
    "auth-provider": dict,
    "extensions": list,
}


@dataclass(frozen=True)
class Config:
    """What one or several kubeconfig files say, by name; paths in it are absolute."""

    current_context: str = ""
    contexts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    clusters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    user_files: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


def parse_config(document: object, path: str) -> Config:
    """Return the content of one kubeconfig; an empty file is an empty configuration."""
    content = _section(document, path)
    users = _named(content, "users", "user", path)
    return Config(
        current_context=_text(content.get("current-context"), f"current-context of {path}"),
        contexts=_named(content, "contexts", "context", path),
        clusters=_named(content, "clusters", "cluster", path),
        users=users,
        user_files=dict.fromkeys(users, path),
        source=path,
    )


def merge_configs(configs: Sequence[Config]) -> Config:
    """Return several files as one: the first current-context and the first definition win."""

    def merged(attribute: str) -> dict[str, Any]:
        earlier_wins = reversed([getattr(config, attribute) for config in configs])
        return {name: value for part in earlier_wins for name, value in part.items()}

    return Config(
        current_context=next((c.current_context for c in configs if c.current_context), ""),
        contexts=merged("contexts"),
        clusters=merged("clusters"),
        users=merged("users"),
        user_files=merged("user_files"),
        source=", ".join(config.source for config in configs),
    )


def _named(
    content: Mapping[str, Any], key: str, what: str, path: str
) -> dict[str, Mapping[str, Any]]:
    """Return the entries of `clusters`, `contexts` or `users` by name; the first of a name wins."""
    entries: dict[str, Mapping[str, Any]] = {}
    listed = content.get(key) or ()
    if not isinstance(listed, (list, tuple)):
        raise InvalidRequest(f"{key} of {path} is not a list")
    for entry in listed:
        entry = _section(entry, f"an entry of {key} in {path}")
        name = _text(entry.get("name"), f"a {what}'s name in {path}")
        place = f"{what} {name} in {path}"
        entries.setdefault(name, _checked(_section(entry.get(what), place), what, place, path))
    return entries


def _checked(section: Mapping[str, Any], what: str, place: str, path: str) -> Mapping[str, Any]:
    """Return a section with texts that are texts and absolute paths, without empty keys."""
    checked = {}
    base = os.path.dirname(os.path.abspath(path))
    for key, value in section.items():
        if key in _TEXTS[what]:
            value = _text(value, f"{key} of {place}")
        elif value is not None and key in _KINDS and not isinstance(value, _KINDS[key]):
            raise InvalidRequest(f"{key} of {place} is not a {_KINDS[key].__name__}")
        if key in _PATHS and value:
            value = os.path.join(base, value)
        if value not in (None, ""):
            checked[key] = value
    command = checked.get("exec", {}).get("command")
    if isinstance(command, str) and os.sep in command:
        checked["exec"] = {**checked["exec"], "command": os.path.join(base, command)}
    return checked


def _section(value: object, place: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"{place} is not a map")
    return value


def _text(value: object, place: str) -> str:
    """Return a text; a number is refused as kubectl does: 0123 has lost its zero already."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{place} is not text", hint="put it in quotes")
    return value
