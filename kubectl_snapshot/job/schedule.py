"""The objects of a scheduled capture: the program's ConfigMap and the CronJob. Pure.

They have none of a run's labels: no cleanup deletes them. The pod is a client of the cluster, as a
user is; it reads nothing of its node, and passes Pod Security `restricted`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from kubectl_snapshot.constants import NAME, NAME_LABEL
from kubectl_snapshot.job.manifest import (
    CONTAINER_SECURITY,
    NOBODY,
    ZIPAPP_DIRECTORY,
    ZIPAPP_KEY,
    Manifest,
)
from kubectl_snapshot.job.options import RESTRICTED
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kubectl_snapshot.job.options import JobOptions

SCHEDULE_NAME = f"{NAME}-schedule"
DATA_DIRECTORY, TEMPORARY_DIRECTORY = "/data", "/tmp"
# The client holds one document at a time: 150 MiB at a thousand nodes.
RESOURCES = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"cpu": "1", "memory": "1Gi"},
}
NO_CLAIM: Manifest = {"emptyDir": {}}


@dataclass(frozen=True)
class Schedule:
    """When to capture, in cron's syntax, into which claim, with which arguments.

    Without a claim the arguments name ConfigMaps, and the volume is for the capture's duration.
    """

    cron: str
    claim: str
    arguments: Sequence[str]


def build_program(options: JobOptions, content: bytes) -> Manifest:
    """Return the ConfigMap that carries the zipapp into the CronJob's pods."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _build_metadata(options),
        "binaryData": {ZIPAPP_KEY: b64encode(content).decode("ascii")},
    }


def build_cron_job(options: JobOptions, schedule: Schedule, has_program: bool) -> Manifest:
    """Return the CronJob; without a program, the image has one."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _build_metadata(options),
        "spec": {
            "schedule": schedule.cron,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    # A second pod would capture again what the first one was refused.
                    "backoffLimit": 0,
                    "template": {
                        "metadata": {"labels": {NAME_LABEL: SCHEDULE_NAME}},
                        "spec": _build_pod_spec(options, schedule, has_program),
                    },
                }
            },
        },
    }


def _build_pod_spec(options: JobOptions, schedule: Schedule, has_program: bool) -> Manifest:
    program = ["kubectl-snapshot"]
    is_kept = bool(schedule.claim)
    place = DATA_DIRECTORY if is_kept else TEMPORARY_DIRECTORY
    source = {"persistentVolumeClaim": {"claimName": schedule.claim}} if is_kept else NO_CLAIM
    mounts: list[Manifest] = [{"name": "data", "mountPath": place}]
    volumes: list[Manifest] = [{"name": "data", **source}]
    if has_program:
        program = ["python3", "-IB", f"{ZIPAPP_DIRECTORY}/{ZIPAPP_KEY}"]
        mounts.append({"name": "program", "mountPath": ZIPAPP_DIRECTORY, "readOnly": True})
        volumes.append({"name": "program", "configMap": {"name": SCHEDULE_NAME}})
    spec: Manifest = {
        "serviceAccountName": SCHEDULE_NAME,
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        # The claim's directory belongs to this group, where its driver supports it.
        "securityContext": {"fsGroup": NOBODY},
        "containers": [
            {
                "name": NAME,
                "image": options.image,
                "command": [*program, *schedule.arguments],
                "resources": RESOURCES,
                "securityContext": CONTAINER_SECURITY[RESTRICTED],
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
    if options.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.image_pull_secrets]
    return spec


def _build_metadata(options: JobOptions) -> Manifest:
    labels = {NAME_LABEL: SCHEDULE_NAME}
    return {"name": SCHEDULE_NAME, "namespace": options.namespace, "labels": labels}
