"""Kubeconfig files, and a pod's service account as one: read, validated, merged.

Keys have the names and the meaning of client-go (tools/clientcmd/api/v1). `access` selects a
context and applies flags.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

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
    "disable-compression": bool,
    "as-groups": list,
    "as-user-extra": dict,
    "exec": dict,
    "auth-provider": dict,
    "extensions": list,
}


@dataclass(frozen=True)
class Config:
    """The entries of one or several kubeconfig files by name; paths are absolute."""

    current_context: str = ""
    contexts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    clusters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    user_files: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class PodAccount:
    """The cluster and the account of the pod that this program runs in."""

    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    namespace: str = ""  # "" if unknown


def read_config(flag: str, env: Mapping[str, str]) -> Config:
    """Return the merged files of --kubeconfig, else $KUBECONFIG, else ~/.kube/config."""
    if flag:
        return _read_file(flag)
    listed = env.get("KUBECONFIG", "")
    paths = [path for path in listed.split(os.pathsep) if path]
    if not listed and env.get("HOME"):
        paths = [os.path.join(env["HOME"], ".kube", "config")]
    configs = [_read_file(path) for path in paths if os.path.exists(path)]
    return merge_configs(configs) if configs else Config(source=", ".join(paths))


def _read_file(path: str) -> Config:
    from kubectl_snapshot.clients.files.localfile import read_yaml  # late: --local needs no file

    return parse_config(read_yaml(path), path)


def read_pod_account(env: Mapping[str, str], directory: str = SERVICE_ACCOUNT) -> PodAccount | None:
    """Return a pod's service account, None outside a pod (clientcmd, inClusterClientConfig)."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
    token_path = os.path.join(directory, "token")
    if not (host and port and os.path.isfile(token_path)):
        return None
    address = f"[{host}]" if ":" in host else host
    cluster = {
        "server": f"https://{address}:{port}",
        "certificate-authority": os.path.join(directory, "ca.crt"),
    }
    namespace = env.get("POD_NAMESPACE", "")
    if not namespace:
        path = os.path.join(directory, "namespace")
        with contextlib.suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8") as file:
            namespace = file.read().strip()
    return PodAccount(cluster, {"tokenFile": token_path}, namespace)


def parse_config(document: object, path: str) -> Config:
    """Return one parsed kubeconfig; an empty file is an empty configuration.

    Raises InvalidRequest for a wrong type.
    """
    content = _section(document, path)
    for key, expected in (("apiVersion", "v1"), ("kind", "Config")):
        if content.get(key) not in (None, "", expected):
            raise InvalidRequest(f"{path} is not a kubeconfig", why=f"its {key} is not {expected}")
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
    """Return the merge of several files: the first current-context and definition win."""

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


def read_secret(section: Mapping[str, Any], key: str, place: str) -> bytes:
    """Return the decoded `KEY-data`, else the content of the file `KEY`, else b"".

    `place` names the section in errors (InvalidRequest).
    """
    data, path = section.get(f"{key}-data"), section.get(key)
    if data:
        import base64
        import binascii

        try:
            return base64.b64decode(re.sub(r"[\r\n]", "", data), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest(
                f"invalid base64 in {key}-data of {place}", why=str(error)
            ) from error
    if not path:
        return b""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        why = f"{path}: {error.strerror}"
        raise InvalidRequest(f"cannot read {key} of {place}", why=why) from error


def read_client_certificate(user: Mapping[str, Any], place: str) -> tuple[bytes, bytes]:
    """Return the PEM certificate chain and key of a user, b"" without a certificate."""
    certificate = read_secret(user, "client-certificate", place)
    if not certificate:
        return b"", b""
    return certificate, read_secret(user, "client-key", place)


def _named(
    content: Mapping[str, Any], key: str, what: str, path: str
) -> dict[str, Mapping[str, Any]]:
    """Return the entries of `clusters`, `contexts` or `users` by name."""
    entries: dict[str, Mapping[str, Any]] = {}
    listed = content.get(key) or ()
    if not isinstance(listed, (list, tuple)):
        raise InvalidRequest(f"{key} of {path} is not a list")
    for entry in listed:
        entry = _section(entry, f"an entry of {key} in {path}")
        name = _text(entry.get("name"), f"a {what}'s name in {path}")
        place = f"{what} {name} in {path}"
        if name in entries:
            raise InvalidRequest(f"{path} has two {key} named {name}")
        entries[name] = _checked(_section(entry.get(what), place), what, place, path)
    return entries


def _checked(section: Mapping[str, Any], what: str, place: str, path: str) -> Mapping[str, Any]:
    """Return a section with validated types and absolute paths, without empty keys."""
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
    """Return a string; like kubectl, refuse a number: 0123 has lost its zero already."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{place} is not a string", hint="put it in quotes")
    return value
