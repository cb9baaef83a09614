"""Node selectors, tolerations and taints as people type them (contract section 5). Pure.

The parsing functions follow the reference; what only the command line refuses is in validate_*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# k8s.io/api core/v1, TaintEffect.
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True)
class Toleration:
    """A pod's toleration; fields that are empty are left out of a manifest."""

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
    """Return `key=value` texts as one map; of equal keys the last wins."""
    parsed = {}
    for selector in selectors:
        key, equals, value = selector.partition("=")
        if not equals:
            raise InvalidRequest(
                f"the node selector {selector!r} is not key=value",
                hint="as in --node-selector nvidia.com/gpu.present=true",
            )
        parsed[key] = value
    return parsed


def parse_tolerations(tolerations: Iterable[str]) -> tuple[Toleration, ...]:
    """Return `key[=value]:effect` texts as tolerations; none given tolerates every taint."""
    return tuple(map(parse_toleration, tolerations)) or default_tolerations()


def default_tolerations() -> tuple[Toleration, ...]:
    """Return the toleration of every taint."""
    return (Toleration(operator="Exists"),)


def parse_toleration(text: str) -> Toleration:
    """Return one toleration: without a value it tolerates every value of the key."""
    key, value, effect = _split(text, "toleration")
    return Toleration(key, "Equal" if value else "Exists", value, effect)


def parse_taint(text: str) -> Taint:
    """Return one taint; its key must not be empty."""
    key, value, effect = _split(text, "taint")
    if not key:
        raise InvalidRequest(
            f"the taint {text!r} has no key", hint="as in dedicated=gpu:NoSchedule"
        )
    return Taint(key, value, effect)


def validate_node_selectors(selectors: Mapping[str, str]) -> None:
    """Raise InvalidRequest for a key that no node label can have: empty, or padded with blanks."""
    for key, value in selectors.items():
        if not key or key != key.strip():
            raise InvalidRequest(
                f"the node selector {f'{key}={value}'!r} has an empty or padded key",
                hint="as in --node-selector nvidia.com/gpu.present=true",
            )


def validate_tolerations(tolerations: Iterable[Toleration]) -> None:
    """Raise InvalidRequest for an empty key with a value, which the API server refuses."""
    for toleration in tolerations:
        if toleration.operator == "Equal" and not toleration.key:
            raise InvalidRequest(
                f"a toleration of {toleration.effect} has a value and no key",
                hint=f"--toleration :{toleration.effect} tolerates every taint of this effect",
            )


def _split(text: str, what: str) -> tuple[str, str, str]:
    left, colon, effect = text.partition(":")
    if not colon or effect not in EFFECTS:
        raise InvalidRequest(
            f"the {what} {text!r} is not key[=value]:effect",
            why=f"the effect is one of {', '.join(EFFECTS)}",
            hint=f"as in {what} dedicated=gpu:NoSchedule",
        )
    key, _, value = left.partition("=")
    return key, value, effect
