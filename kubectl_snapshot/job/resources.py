"""Resource requests and limits of the agent's container as typed on the command line. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUESTS: Mapping[str, str] = {"cpu": "50m", "memory": "64Mi"}
LIMITS: Mapping[str, str] = {"cpu": "1", "memory": "256Mi"}
# k8s.io/apimachinery/pkg/api/resource, without a sign: a resource is never negative.
QUANTITY = re.compile(
    r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,3})?"
)
NAME = re.compile(r"(?:[a-z0-9][-a-z0-9.]{0,251}/)?[A-Za-z0-9][-A-Za-z0-9_.]{0,62}")


def parse_resources(text: str, flag: str) -> dict[str, str]:
    """Return `cpu=500m,memory=1Gi` as a map; raise InvalidRequest for another text."""
    resources: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        name, equals, quantity = (part.strip() for part in pair.partition("="))
        if not equals or not NAME.fullmatch(name):
            raise InvalidRequest(
                f"invalid resource {pair.strip()!r}", "it is not NAME=QUANTITY", _example(flag)
            )
        if not QUANTITY.fullmatch(quantity):
            raise InvalidRequest(f"invalid quantity {quantity!r} of {name}", hint=_example(flag))
        if name in resources:
            raise InvalidRequest(f"{flag} has two quantities of {name}", hint="leave one out")
        resources[name] = quantity
    return resources


def _example(flag: str) -> str:
    return f"as in {flag} cpu=500m,memory=512Mi"
