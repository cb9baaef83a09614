"""The release of OpenShift, for the context of K8s.node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.collectors.kubernetes.fields import text_at
from kubectl_snapshot.collectors.run.context import Context, Right, explain, require_kube
from kubectl_snapshot.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping

RIGHTS = (
    Right(
        "config.openshift.io",
        "clusterversions",
        ("get",),
        is_optional=True,
        purpose="K8s.node: the OpenShift release.",
    ),
)
# A singleton (github.com/openshift/api, config/v1 ClusterVersion).
PATH = "/apis/config.openshift.io/v1/clusterversions/version"


def read_release(context: Context) -> Mapping[str, str]:
    """Return the release that the cluster has or is updating to; or the reason it is unknown."""
    try:
        answer = require_kube(context).request(
            "GET", PATH, doing="read the version of OpenShift", deadline=context.deadline
        )
    except SnapshotError as error:
        return {"openshift-version.reason": explain(error)}
    return {"openshift-version": text_at(answer.body, "status", "desired", "version")}
