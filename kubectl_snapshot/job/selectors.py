"""Node selectors, tolerations and taints as typed on the command line (contract section 5). Pure.

parse_ functions follow the reference; validate_ functions reject more, for the command line only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import OUR_LABELS
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# k8s.io/api core/v1, TaintEffect.
OS_LABEL = "kubernetes.io/os"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
# A DNS subdomain (k8s.io/apimachinery validation, IsDNS1123Subdomain).
NODE_NAME = r"(?=.{1,253}\Z)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"


@dataclass(frozen=True)
class Toleration:
    """A pod's toleration; a manifest omits its empty fields."""

    key: str = ""
    operator: str = "Exists"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True)
class Taint:
    """A node's taint."""

    key: str
    value: str = ""
    effect: str = ""


def parse_node_selectors(selectors: Iterable[str]) -> dict[str, str]:
    """Return `key=value` texts as one map; for duplicate keys the last wins."""
    parsed = {}
    for selector in selectors:
        key, equals, value = selector.partition("=")
        if not equals:
            raise InvalidRequest(
                f"invalid node selector {selector!r}",
                why="it is not KEY=VALUE",
                hint="as in --node-selector nvidia.com/gpu.present=true",
            )
        parsed[key] = value
    return parsed


def parse_job_labels(labels: Iterable[str]) -> dict[str, str]:
    """Return `key=value` texts as labels; InvalidRequest for another form, or for one of ours."""
    parsed = {}
    for label in labels:
        key, equals, value = label.partition("=")
        if not equals or not key or key in OUR_LABELS:
            raise InvalidRequest(
                f'invalid Job label "{label}"',
                "the run sets it itself" if key in OUR_LABELS else "it is not KEY=VALUE",
                "as in --job-label kueue.x-k8s.io/queue-name=research",
            )
        parsed[key] = value
    return parsed


def parse_tolerations(tolerations: Iterable[str]) -> tuple[Toleration, ...]:
    """Return `key[=value]:effect` texts as tolerations; by default every taint is tolerated."""
    return tuple(map(parse_toleration, tolerations)) or default_tolerations()


def default_tolerations() -> tuple[Toleration, ...]:
    """Return the toleration that matches every taint."""
    return (Toleration(operator="Exists"),)


def parse_toleration(text: str) -> Toleration:
    """Return one toleration; without a value it matches every value of the key, `*` every taint."""
    if text == "*":
        return default_tolerations()[0]
    key, value, effect = _split(text, "toleration")
    return Toleration(key, "Equal" if value else "Exists", value, effect)


def parse_taint(text: str) -> Taint:
    """Return one taint; its key must not be empty."""
    key, value, effect = _split(text, "taint")
    if not key:
        raise InvalidRequest(
            f"invalid taint {text!r}", why="it has no key", hint="as in dedicated=gpu:NoSchedule"
        )
    return Taint(key, value, effect)


def validate_node_selectors(selectors: Mapping[str, str]) -> None:
    """Raise InvalidRequest for a key that no label can have, and for nodes that are not Linux."""
    for key, value in selectors.items():
        if not key or key != key.strip():
            raise InvalidRequest(
                f"invalid node selector {f'{key}={value}'!r}",
                why="its key is empty or padded with blanks",
                hint="as in --node-selector nvidia.com/gpu.present=true",
            )
        if key == OS_LABEL and value != "linux":
            raise InvalidRequest(
                f"invalid node selector {f'{key}={value}'!r}",
                why="the agent's pod needs Linux",
                hint="leave it out: the pod always selects kubernetes.io/os=linux",
            )


def validate_node_name(name: str) -> None:
    """Raise InvalidRequest for a name that no node can have; empty means any node."""
    if not name or re.fullmatch(NODE_NAME, name):
        return
    if "," in name:
        first = name.partition(",")[0].strip()
        hint = f"capture one node at a time: --node {first}"
        raise InvalidRequest(f'--node takes one node, not "{name}"', hint=hint)
    meant = name.rpartition("/")[2].strip().lower()
    hint = f"use --node {meant}" if re.fullmatch(NODE_NAME, meant) else "see `kubectl get nodes`"
    raise InvalidRequest(f'invalid node name "{name}"', hint=hint)


def validate_tolerations(tolerations: Iterable[Toleration]) -> None:
    """Raise InvalidRequest for a value without a key, which the API server rejects."""
    for toleration in tolerations:
        if toleration.operator == "Equal" and not toleration.key:
            raise InvalidRequest(
                f"invalid toleration of {toleration.effect}: a value without a key",
                hint=f"--toleration :{toleration.effect} tolerates every taint of this effect",
            )


def _split(text: str, kind: str) -> tuple[str, str, str]:
    left, colon, effect = text.partition(":")
    if not colon or effect not in EFFECTS:
        raise InvalidRequest(
            f"invalid {kind} {text!r}",
            why=f"it is not KEY[=VALUE]:EFFECT; effects are {', '.join(EFFECTS)}",
            hint=f"as in {kind} dedicated=gpu:NoSchedule",
        )
    key, _, value = left.partition("=")
    return key, value, effect
