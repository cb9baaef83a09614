"""What an administrator applies once: rights for the agent's own account, or for a user. Pure.

Unlike the objects of a run these bear none of its labels: no clean-up takes them for leftovers.
Objects of different namespaces' grants have different names, or one would replace the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import NAME
from kubectl_snapshot.job.options import AGENT, SKIP
from kubectl_snapshot.job.rbac import agent_roles
from kubectl_snapshot.job.rbac.user_permissions import (
    build_event_permissions,
    build_key_permissions,
    build_user_permissions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

NO_RULE = "A rule that is left out makes its part of the snapshot `forbidden`, and nothing else."
USER_ROLE = "A run needs all of this but what is called optional."
READER_ROLE = "Optional: with this the user reads what is the same from every node."
GIVER_ROLE = "The user sets up the agent's account, and can only give away rights of their own."


@dataclass(frozen=True)
class Grant:
    """One object; `reasons` has for each of its rules what it is for."""

    body: Manifest
    comment: tuple[str, ...] = ()
    reasons: tuple[tuple[str, ...], ...] = ()


def build_agent_grants(options: JobOptions) -> list[Grant]:
    """Return the agent's ServiceAccount, and the roles by which it reads the cluster-wide facts.

    An account that the user named is there already, and is not to be changed.
    """
    account, namespace = options.service_account_name or NAME, options.namespace
    grants = [] if options.service_account_name else [Grant(_build_account(namespace))]
    for role in _build_roles(f"{NAME}-agent-{namespace}", options.reads, (NO_RULE,)):
        metadata = role.body["metadata"]
        binding = agent_roles.build_binding(role.body["kind"], metadata, account, namespace)
        grants += [role, Grant(binding)]
    return grants


def build_user_grants(options: JobOptions) -> list[Grant]:
    """Return the roles of a user who captures with these options; whom they bind is not known."""
    name, reader = (f"{NAME}-{kind}-{options.namespace}" for kind in ("user", "reader"))
    needed = (
        *build_user_permissions(options),
        *build_key_permissions(options),
        *build_event_permissions(options),
    )
    if options.sets_up_rbac:
        grants = _build_roles(name, (*needed, *options.reads), (USER_ROLE, GIVER_ROLE))
    else:
        grants = _build_roles(name, needed, (USER_ROLE,))
    if options.cluster_scope not in (AGENT, SKIP):
        grants += _build_roles(reader, options.reads, (READER_ROLE, NO_RULE))
    return [replace(g, comment=(*g.comment, _render_binding_hint(g.body))) for g in grants]


def _render_binding_hint(role: Manifest) -> str:
    """Return the command that gives a role to a user, whose name is left to the administrator."""
    kind, metadata = role["kind"].lower(), role["metadata"]
    where = f" -n {metadata['namespace']}" if "namespace" in metadata else ""
    name = metadata["name"]
    return f"Give it: kubectl create {kind}binding {name}{where} --{kind}={name} --user=USER"


def _build_account(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": namespace},
        "automountServiceAccountToken": False,
    }


def _build_roles(
    name: str, permissions: Iterable[Permission], comment: tuple[str, ...]
) -> list[Grant]:
    """Return a role for each place of the permissions, the cluster's first."""
    permissions = tuple(permissions)
    grants = []
    for namespace in sorted({permission.namespace for permission in permissions}):
        explained = agent_roles.build_explained_rules(permissions, namespace)
        body = {
            "apiVersion": agent_roles.API_VERSION,
            "kind": "Role" if namespace else "ClusterRole",
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            "rules": [rule for rule, _ in explained],
        }
        grants.append(Grant(body, comment, tuple(reasons for _, reasons in explained)))
    return grants
