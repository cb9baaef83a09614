"""Roles that `kubectl snapshot rbac` prints for an administrator: agent or user. Pure.

They have none of a run's labels, so no cleanup deletes them. Their names contain the namespace, so
that grants for two namespaces do not overwrite each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.constants import NAME
from kubectl_snapshot.job.options import AGENT, SKIP
from kubectl_snapshot.job.rbac import agent_roles
from kubectl_snapshot.job.rbac.user_permissions import (
    build_event_permissions,
    build_key_permissions,
    build_slice_permissions,
    build_user_permissions,
)
from kubectl_snapshot.records import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kubectl_snapshot.job.manifest import Manifest
    from kubectl_snapshot.job.options import JobOptions
    from kubectl_snapshot.job.permissions import Permission

NO_RULE = "Every rule can be omitted: its part of the snapshot is then `forbidden`."
USER_ROLE = "A run needs every rule that is not marked optional."
READER_ROLE = "Optional: lets the user read the cluster-wide facts."
ESCALATION = "RBAC lets users grant only rights that they have: these include the agent's."


@dataclass(frozen=True)
class Grant:
    """One object to apply; `reasons` are the purposes of each of its rules."""

    body: Manifest
    comment: tuple[str, ...] = ()
    reasons: tuple[tuple[str, ...], ...] = ()


def build_agent_grants(options: JobOptions) -> list[Grant]:
    """Return the agent's ServiceAccount and the roles with which it reads cluster-wide facts.

    A ServiceAccount that the user named exists already and is not printed.
    """
    account, namespace = options.service_account_name or NAME, options.namespace
    grants = [] if options.service_account_name else [Grant(_build_account(namespace))]
    for role in _build_roles(f"{NAME}-agent-{namespace}", options.reads, (NO_RULE,)):
        metadata = role.body["metadata"]
        binding = agent_roles.build_binding(role.body["kind"], metadata, account, namespace)
        grants += [role, Grant(binding)]
    return grants


def build_client_grants(
    options: JobOptions, account: str, store: Sequence[Permission] = ()
) -> list[Grant]:
    """Return a ServiceAccount with a user's roles for such a capture, bound to it.

    `store` is what it needs to keep the captures.
    """
    body = {**_build_account(options.namespace), "automountServiceAccountToken": True}
    body["metadata"] = {"name": account, "namespace": options.namespace}
    grants = [Grant(body)]
    needed = (
        *build_user_permissions(options),
        *build_key_permissions(options),
        *build_event_permissions(options),
        *(_list_reads(options) if options.cluster_scope != SKIP else ()),
        *store,
    )
    for role in _build_roles(f"{account}-{options.namespace}", needed, (USER_ROLE,)):
        metadata = role.body["metadata"]
        binding = agent_roles.build_binding(role.body["kind"], metadata, account, options.namespace)
        grants += [role, Grant(binding)]
    return grants


def build_user_grants(options: JobOptions) -> list[Grant]:
    """Return the roles that a user needs for a capture with these options, without bindings."""
    name, reader = (f"{NAME}-{kind}-{options.namespace}" for kind in ("user", "reader"))
    needed = (
        *build_user_permissions(options),
        *build_key_permissions(options),
        *build_event_permissions(options),
    )
    if options.sets_up_rbac:
        grants = _build_roles(name, (*needed, *options.reads), (USER_ROLE, ESCALATION))
    else:
        grants = _build_roles(name, needed, (USER_ROLE,))
    if options.cluster_scope not in (AGENT, SKIP):
        grants += _build_roles(reader, _list_reads(options), (READER_ROLE, NO_RULE))
    return [replace(g, comment=(*g.comment, _render_binding_hint(g.body))) for g in grants]


def _list_reads(options: JobOptions) -> tuple[Permission, ...]:
    """Return what a user reads in the whole cluster: its facts, and where GPUs are."""
    return (*options.reads, *build_slice_permissions(options))


def _render_binding_hint(role: Manifest) -> str:
    """Return the kubectl command that binds a role to a user, with a placeholder for the name."""
    kind, metadata = role["kind"].lower(), role["metadata"]
    where = f" -n {metadata['namespace']}" if "namespace" in metadata else ""
    name = metadata["name"]
    return f"Grant it: kubectl create {kind}binding {name}{where} --{kind}={name} --user=USER"


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
    """Return a role for each namespace of the permissions; the ClusterRole comes first."""
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
