"""What admission changed of a Job or pod that was sent, and which changes matter. Pure.

A mutating webhook may change any field. Additions are no changes, but for those that decide where
and whether the pod runs: sidecars, volumes and defaults are everyday.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubectl_snapshot.constants import OUR_LABELS, RUN_LABEL
from kubectl_snapshot.errors import Internal
from kubectl_snapshot.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kubectl_snapshot.errors import SnapshotError

# The change makes the result untrustworthy or the run impossible to follow or to clean up.
FATAL = "fatal"
# Readings will be unavailable; the agent finds out itself (clients/host/namespaces.py).
LOSES = "loses"
# Worth a word, no more: an image from a mirror, a wrapped command, a proxy's variables.
NOTE = "note"

HOST_NAMESPACES = ("hostNetwork", "hostIPC", "hostPID")
SECURITY = ("privileged", "runAsUser", "runAsGroup")
WEBHOOKS = "see `kubectl get mutatingwebhookconfigurations`, or pass another -n"


@dataclass(frozen=True)
class Change:
    """One change that matters: what became of which field."""

    weight: str
    text: str


def find_job_changes(sent: Mapping[str, Any], got: Mapping[str, Any]) -> list[Change]:
    """Return the changes of a Job and its pod template that matter; none without a spec."""
    spec, seen = sent["spec"], got.get("spec")
    if not seen:
        return []
    changes = [*find_lost_metadata("Job", sent["metadata"], got.get("metadata") or {})]
    changes += find_lost_limits(seen)
    return changes + find_pod_changes(spec["template"], seen.get("template") or {})


def find_lost_limits(spec: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the limits of a Job's life that were removed."""
    for name in ("activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if spec.get(name) is None:
            yield Change(NOTE, f"the Job's {name} was removed: without it the Job may stay")


def _build_wrong_node(asked: str, seen: str) -> SnapshotError:
    return Internal(
        f"the agent's pod ran on node {seen}, not on {asked}",
        "a webhook or a scheduler changed where it runs; its snapshot was discarded",
        WEBHOOKS,
    )


def find_lost_metadata(
    kind: str, sent: Mapping[str, Any], got: Mapping[str, Any]
) -> Iterator[Change]:
    """Yield the changes of an object's labels and owner, by which it is found and removed."""
    labels = got.get("labels") or {}
    for key, value in sent["labels"].items():
        if key in OUR_LABELS and labels.get(key) != value:
            weight = FATAL if key == RUN_LABEL else NOTE
            yield Change(weight, _render(f"the {kind}'s label {key}", value, labels.get(key)))
    owners = [owner.get("name") for owner in got.get("ownerReferences") or ()]
    if any(owner["name"] not in owners for owner in sent.get("ownerReferences", ())):
        yield Change(FATAL, f"the {kind}'s owner was removed")


def find_pod_changes(sent: Mapping[str, Any], got: Mapping[str, Any]) -> list[Change]:
    """Return the changes of a pod that matter; `sent` is its template."""
    spec, seen = sent["spec"], got.get("spec")
    if not seen:
        return []
    ours = spec["containers"][0]
    found = _by_name(seen.get("containers")).get(ours["name"])
    if found is None:
        return [Change(FATAL, f"container {ours['name']} was removed")]
    return [
        *find_lost_metadata("pod", sent["metadata"], got.get("metadata") or {}),
        *_find_lost_namespaces(spec, seen),
        *_find_shorter_deadline(spec, seen),
        *_find_volume_changes(spec, seen, ours, found),
        *_find_container_changes(ours, found),
    ]


def describe_changes(changes: Iterable[Change], weight: str) -> str:
    """Return the changes of one weight as one text, empty if there is none."""
    return "; ".join(dict.fromkeys(change.text for change in changes if change.weight == weight))


def build_change_error(changes: Iterable[Change]) -> SnapshotError | None:
    """Return the error for the fatal changes, None without one."""
    text = describe_changes(changes, FATAL)
    if not text:
        return None
    return Internal("admission changed what the run sent: it cannot be trusted", text, WEBHOOKS)


def build_change_warnings(changes: Sequence[Change]) -> list[str]:
    """Return the warnings for changes that the run survives."""
    lost = describe_changes(changes, LOSES)
    noted = describe_changes(changes, NOTE)
    warnings = [f"admission changed the agent's pod: {noted}"] if noted else []
    if lost:
        warnings.append(
            f"admission changed the agent's pod: {lost}; the affected readings will be unavailable"
        )
    return warnings


def find_wrong_node(
    asked: str, selector: Mapping[str, str], got: Mapping[str, Any]
) -> SnapshotError | None:
    """Return the error of a pod on another node than `asked`, or that lost its node selector."""
    spec = got.get("spec")
    if not spec:
        return None
    if asked:
        node = spec.get("nodeName") or asked
        return _build_wrong_node(asked, node) if node != asked else None
    seen = spec.get("nodeSelector") or {}
    lost = [f"{key}={value}" for key, value in selector.items() if seen.get(key) != value]
    if not lost:
        return None
    return Internal(
        "admission removed the agent's node selector: its node may be any",
        f"missing: {', '.join(lost)}",
        WEBHOOKS,
    )


def _find_lost_namespaces(spec: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Change]:
    for name in HOST_NAMESPACES:
        if spec.get(name) and not seen.get(name):
            yield Change(LOSES, f"{name} was removed")
    if seen.get("hostUsers") is False:
        yield Change(LOSES, "hostUsers was set to false")


def _find_shorter_deadline(spec: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Change]:
    ours, got = spec.get("activeDeadlineSeconds"), seen.get("activeDeadlineSeconds")
    if ours is not None and got is not None and got < ours:
        yield Change(NOTE, _render("activeDeadlineSeconds", ours, got))


def _find_volume_changes(
    spec: Mapping[str, Any], seen: Mapping[str, Any], ours: Mapping[str, Any], found: Any
) -> Iterator[Change]:
    """Compare our volumes and mounts; without the node's root the agent reads what it can."""
    volumes = _by_name(seen.get("volumes"))
    mounts = {mount["mountPath"]: mount for mount in found.get("volumeMounts") or ()}
    for volume in spec["volumes"]:
        name = volume["name"]
        mount = next(mount for mount in ours["volumeMounts"] if mount["name"] == name)
        got = mounts.get(mount["mountPath"])
        if name not in volumes or got is None:
            weight = LOSES if name == "host" else FATAL
            yield Change(weight, f"volume {name} was removed")
        elif got["name"] != name or got.get("subPath") or not _contains(volumes[name], volume):
            yield Change(FATAL, f"volume {name} was replaced")


def _find_container_changes(ours: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Change]:
    if found.get("image") != ours["image"]:
        yield Change(NOTE, _render("image", ours["image"], found.get("image")))
    command = [*(found.get("command") or ()), *(found.get("args") or ())]
    if command != ours["command"]:
        # A wrapper, as of a secrets injector, runs our command line at the end of its own.
        is_wrapped = command[-len(ours["command"]) :] == ours["command"]
        yield (
            Change(NOTE, f"the command is run by {command[0]}")
            if is_wrapped
            else Change(FATAL, "the agent's command was changed")
        )
    env = _by_name(found.get("env"))
    for variable in ours["env"]:
        if not _contains(env.get(variable["name"]), variable):
            yield Change(FATAL, f"variable {variable['name']} was changed")
    security = found.get("securityContext") or {}
    for name in SECURITY:
        sent = ours["securityContext"].get(name)
        if sent is not None and security.get(name) != sent:
            yield Change(LOSES, _render(name, sent, security.get(name)))


def _by_name(items: Any) -> dict[str, Any]:
    return {item["name"]: item for item in items or ()}


def _contains(got: Any, sent: Any) -> bool:
    """Return whether a value has everything that was sent; the API server adds defaults."""
    if isinstance(sent, dict):
        return isinstance(got, dict) and all(_contains(got.get(k), v) for k, v in sent.items())
    return bool(got == sent)


def _render(name: str, sent: object, got: object) -> str:
    if got is None:
        return f"{name} was removed"
    return f"{name} was changed from {_plain(sent)} to {_plain(got)}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
