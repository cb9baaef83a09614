"""The API server's version (subtype K8s.server; contract section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes.fields import text_at
from kubectl_snapshot.collectors.run.context import Context, Right, require_kube
from kubectl_snapshot.constants import REFERENCE
from kubectl_snapshot.document.registry import STRING, SubtypeSpec
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Internal

if TYPE_CHECKING:
    from kubectl_snapshot.collectors.kubernetes.shared import Shared

FIELDS = {"version": "gitVersion", "platform": "platform", "goVersion": "goVersion"}

SPEC = SubtypeSpec(
    "server",
    values=STRING,
    profile=REFERENCE,
    keys=(*FIELDS, "service"),  # the contract: service may be written by hand
    sources={key: f"`{field}` of `GET /version`" for key, field in FIELDS.items()},
)
# Every authenticated user may GET /version.
RIGHTS: tuple[Right, ...] = ()


def read(context: Context, _: Shared) -> Subtype:
    """Return the API server's version (GET /version)."""
    doing = "read the API server's version"
    answer = require_kube(context).request(
        "GET", "/version", doing=doing, deadline=context.deadline
    )
    return Subtype("server", parse_version(answer.body))


def parse_version(answer: object) -> dict[str, str]:
    """Return version, platform and goVersion of a version.Info (apimachinery/pkg/version)."""
    data = {key: text_at(answer, field) for key, field in FIELDS.items()}
    if not data["version"]:
        raise Internal("the API server's version has no gitVersion")
    return {key: value for key, value in data.items() if value}
