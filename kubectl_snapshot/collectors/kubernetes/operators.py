"""Operators by the APIs that they serve: Slurm (Slinky) and two databases.

Subtypes, keys and states are AICR's (docs/integrator/measurement-api.md, pkg/collector/k8s). They
say what is installed or declared, never whether it works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from kubectl_snapshot.collectors.kubernetes.fields import text_at
from kubectl_snapshot.collectors.run.context import Context, Right, require_kube
from kubectl_snapshot.document.registry import BOOLEAN, INTEGER, STRING, SubtypeSpec
from kubectl_snapshot.document.snapshot import ABSENT, Subtype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from kubectl_snapshot.collectors.kubernetes.shared import Shared
    from kubectl_snapshot.document.snapshot import Scalar

    Objects = Sequence[Mapping[str, Any]]
    Data = dict[str, Scalar]

STATE, AVAILABLE, VERSION = "collection-state", "api-available", "api-version"
DETECTED, CONTROLLERS = "detected", "controller-count"
SLURM_STATES = (ABSENT, "detected", "unsupported-multicluster")
# AICR's own database is no conflict, and neither is the operator of its Helm release there.
OWN_NAMESPACE, OWN_DATABASE, OWN_RELEASE = "nvsentinel", "nvsentinel-mongodb", "psmdb-operator"
OPERATOR_PODS = "app.kubernetes.io/name in (psmdb-operator,percona-server-mongodb-operator)"


class Operator(NamedTuple):
    """A subtype, with the interface of a module, and the API by which an operator is found.

    `describe` returns the data of the objects of its kind; `unserved` is the data of a server that
    has the API group without the kind.
    """

    SPEC: SubtypeSpec
    RIGHTS: tuple[Right, ...]
    kind: str
    describe: Callable[[Context, Objects], Data]
    unserved: Mapping[str, Scalar]

    def read(self, context: Context, shared: Shared) -> Subtype:
        """Return what the API server has of the operator."""
        from kubectl_snapshot.clients.kube.discovery import find_resources  # late: as in collector

        kube, groups, name = require_kube(context), shared.read_groups(), self.RIGHTS[0].group
        resources = find_resources(kube, groups, name.__eq__, (self.kind,), context.deadline)
        if resources:
            doing = f"list {resources[0].title}"
            items = kube.list_items(resources[0].path, doing=doing, deadline=context.deadline)
            found = self.describe(context, list(items))
            return Subtype(
                self.SPEC.name, {AVAILABLE: True, VERSION: resources[0].version, **found}
            )
        has_group = any(group.get("name") == name for group in groups)
        data = {**self.unserved, **({} if has_group else {STATE: ABSENT}), AVAILABLE: False}
        if data[STATE] != ABSENT:
            return Subtype(self.SPEC.name, data)
        reason = f"the API server does not serve {self.kind} of {name}"
        return Subtype(self.SPEC.name, data, {"status": ABSENT, "reason": reason})


def describe_slurm(_: Context, controllers: Objects) -> Data:
    """Return the state of Slinky: one Controller is a Slurm cluster."""
    count = len(controllers)
    return {STATE: SLURM_STATES[min(count, 2)], DETECTED: count > 0, CONTROLLERS: count}


def describe_mariadb(_: Context, databases: Objects) -> Data:
    """Return the state of the MariaDB operator."""
    return {STATE: "crs-detected" if databases else "api-detected"}


def describe_percona(context: Context, databases: Objects) -> Data:
    """Return the state of Percona's operator for MongoDB, which AICR itself may have installed."""
    own = [d for d in databases if _is_in(d, OWN_NAMESPACE) and _name(d) == OWN_DATABASE]
    if len(own) < len(databases):
        return {STATE: "crs-detected"}
    pods = require_kube(context).list_items(
        "/api/v1/pods",
        doing="list the pods of Percona's operator",
        query={"labelSelector": OPERATOR_PODS},
        deadline=context.deadline,
    )
    if not all(_is_in(pod, OWN_NAMESPACE) and _release(pod).endswith(OWN_RELEASE) for pod in pods):
        return {STATE: "operator-detected"}
    return {STATE: "aicr-owned" if own else "api-detected"}


def _is_in(found: Mapping[str, Any], namespace: str) -> bool:
    return text_at(found, "metadata", "namespace") == namespace


def _name(found: Mapping[str, Any]) -> str:
    return text_at(found, "metadata", "name")


def _release(pod: Mapping[str, Any]) -> str:
    return text_at(pod, "metadata", "labels", "app.kubernetes.io/instance")


def _build_operator(
    name: str, title: str, api: str, describe: Callable[[Context, Objects], Data], unserved: Data
) -> Operator:
    """Return the subtype of an API in the form `Kind resource.group`."""
    kind, _, api = api.partition(" ")
    resource, _, group = api.partition(".")
    types = {STATE: STRING, AVAILABLE: BOOLEAN, VERSION: STRING}
    if DETECTED in unserved:
        types.update({DETECTED: BOOLEAN, CONTROLLERS: INTEGER})
    spec = SubtypeSpec(name, key_types=types, keys=tuple(types), keys_are_names=False)
    purpose = f"K8s.{name}: whether {title} is installed."
    right = Right(group, resource, ("list",), is_optional=True, purpose=purpose)
    return Operator(spec, (right,), kind, describe, unserved)


OPERATORS = (
    _build_operator(
        "slinky-slurm",
        "Slurm on Kubernetes",
        "Controller controllers.slinky.slurm.net",
        describe_slurm,
        {STATE: ABSENT, DETECTED: False},
    ),
    _build_operator(
        "mariadb-operator",
        "the MariaDB operator",
        "MariaDB mariadbs.k8s.mariadb.com",
        describe_mariadb,
        {STATE: "api-detected"},
    ),
    _build_operator(
        "percona-server-mongodb",
        "Percona's operator for MongoDB",
        "PerconaServerMongoDB perconaservermongodbs.psmdb.percona.com",
        describe_percona,
        {STATE: "api-detected"},
    ),
)
