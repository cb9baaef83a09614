"""Refusal of contradictory and incomplete settings (client-go, clientcmd/validation.go). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

API_GROUP = "client.authentication.k8s.io"
# In v1beta1 interactiveMode is optional (KEP-541).
API_VERSIONS = (f"{API_GROUP}/v1", f"{API_GROUP}/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")


def refuse_conflicts(cluster: Mapping[str, Any], user: Mapping[str, Any], name: str) -> None:
    """Raise InvalidRequest if the cluster or the user `name` is contradictory or incomplete."""
    place = f"user {name}" if name else "the user"
    _refuse_both(cluster, "certificate-authority", "the cluster")
    if user.get("token") and (user.get("username") or user.get("password")):
        raise InvalidRequest(f"{place} has a token and a password", hint="remove one of the two")
    if user.get("client-certificate") or user.get("client-certificate-data"):
        _refuse_both(user, "client-certificate", place)
        _refuse_both(user, "client-key", place)
        if not (user.get("client-key") or user.get("client-key-data")):
            raise InvalidRequest(f"{place} has a client-certificate but no client-key")
    if "exec" in user:
        _refuse_incomplete_plugin(user["exec"], place)
        if "auth-provider" in user:
            raise InvalidRequest(f"{place} has an exec plugin and an auth-provider")
    if not user.get("as") and any(
        user.get(key) for key in ("as-uid", "as-groups", "as-user-extra")
    ):
        raise InvalidRequest("impersonating a group or UID needs a user", hint="pass --as")


def _refuse_both(section: Mapping[str, Any], key: str, place: str) -> None:
    if section.get(key) and section.get(f"{key}-data"):
        raise InvalidRequest(f"{place} has {key} and {key}-data", hint="remove one of the two")


def _refuse_incomplete_plugin(spec: Mapping[str, Any], place: str) -> None:
    command, version = spec.get("command"), spec.get("apiVersion")
    if not isinstance(command, str) or not command or version not in API_VERSIONS:
        raise InvalidRequest(
            f"invalid exec plugin of {place}",
            why=f"command is {command!r}, apiVersion {version!r}",
            hint=f"apiVersion must be one of {', '.join(API_VERSIONS)}",
        )
    mode = spec.get("interactiveMode") or ("IfAvailable" if version == API_VERSIONS[1] else None)
    if mode not in INTERACTIVE_MODES:
        raise InvalidRequest(
            f"invalid interactiveMode {mode!r} of {place}",
            why=f"it must be one of {', '.join(INTERACTIVE_MODES)}",
        )
    listed = spec.get("env") or ()
    is_list = isinstance(listed, (list, tuple)) and all(isinstance(item, dict) for item in listed)
    if not is_list or not all(item.get("name") and "value" in item for item in listed):
        raise InvalidRequest(f"env of the exec plugin of {place} is not a list of name and value")
