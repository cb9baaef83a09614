"""What `rbac` prints is what a capture needs: not less, and for the agent nothing but reading."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_snapshot.collectors import node_topology
from kubectl_snapshot.collectors.kubernetes import collector as kubernetes_cluster
from kubectl_snapshot.constants import FULL, NAME
from kubectl_snapshot.document.redaction.values import OWN_KEY
from kubectl_snapshot.document.snapshot import Snapshot
from tests.cluster.support import ROOT, assert_nothing_left
from tests.cluster.world import RBAC, Run, World, capture, temporary_world
from tests.lab.machine import wait_for
from tests.validation import parse_valid, subtype

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
SUBTYPES = [
    (collector.TYPE, name)
    for collector in (kubernetes_cluster, node_topology)
    for name in (spec.name for spec in collector.SUBTYPES if spec.profile != FULL)
]
# What a lab has none of, unless another test makes one.
RARE = ("daemon-set", "priority-class", "device-plugin", "runtime-class", "device-class")
LACKING = {f"K8s.{name}" for name in (*RARE, "resource-slice")}
# Everybody may ask which API groups there are, and the kubelet's configuration is no gap.
ALWAYS = {"K8s.server": "ok", "K8s.api-group": "ok", "K8s.kubelet": "ok"}
# What the unit tests hold `rbac --for user` to; the first of its roles is that of the run.
USER_ROLE = next(yaml.safe_load_all((ROOT / "tests/golden/rbac/user.yaml").read_text()))
# Without these a run goes on, and says so.
OPTIONAL = ("events", "secrets")
NEEDED = [
    (verb, resource)
    for rule in USER_ROLE["rules"]
    for resource in rule["resources"]
    for verb in rule["verbs"]
    if resource not in OPTIONAL
]


@pytest.fixture(scope="module")
def world(cluster: Any) -> Iterator[World]:
    with temporary_world(cluster) as found:
        yield found


@dataclass(frozen=True)
class User:
    """Who has what `rbac --for user` printed; `roles` are the API paths of its roles."""

    world: World
    name: str
    roles: tuple[str, ...]

    @property
    def run_role(self) -> str:
        """The one that a run needs; the others are optional."""
        return next(path for path in self.roles if f"/{NAME}-user-" in path)

    def may(self, verb: str, resource: str) -> bool:
        """Whether the API server lets them, in the first namespace."""
        name, _, subresource = resource.partition("/")
        groups = {"jobs": "batch"}
        attributes = {"verb": verb, "resource": name, "namespace": self.world.first}
        attributes |= {"subresource": subresource, "group": groups.get(name, "")}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": self.name, "resourceAttributes": attributes},
        }
        status = self.world.cluster.client.call("POST", REVIEWS, body)["status"]
        return bool(status["allowed"])

    @contextmanager
    def without(self, verb: str, resource: str) -> Iterator[None]:
        """Take one right away; the API server learns of a role's change a moment later."""
        client = self.world.cluster.client
        rules = client.get(self.run_role)["rules"]
        left = [
            {
                **rule,
                "verbs": [v for v in rule["verbs"] if (v, rule["resources"]) != (verb, [resource])],
            }
            for rule in rules
        ]
        client.patch(self.run_role, {"rules": [rule for rule in left if rule["verbs"]]})
        try:
            wait_for("the right to be gone", lambda: not self.may(verb, resource), 10, 0.02)
            yield
        finally:
            client.patch(self.run_role, {"rules": rules})
            wait_for("the right to be back", lambda: self.may(verb, resource), 10, 0.02)


def named(world: World) -> list[str]:
    return ["--helm-namespace", world.first, "--helm-namespace", world.second]


def print_rights(run_snapshot: Run, world: World, *words: str) -> str:
    ended = run_snapshot("rbac", "-n", world.first, *words)
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


@contextmanager
def applied(world: World, text: str, directory: Path) -> Iterator[list[str]]:
    """Apply what was printed; the API paths of its roles."""
    path = directory / f"{secrets.token_hex(4)}.yaml"
    path.write_text(text)
    ended = world.cluster.kubectl("apply", "-f", str(path))
    assert ended.returncode == 0, ended.stderr
    try:
        yield [
            role_path(body) for body in yaml.safe_load_all(text) if body["kind"].endswith("Role")
        ]
    finally:
        world.cluster.kubectl("delete", "--ignore-not-found", "-f", str(path))


def role_path(body: Mapping[str, Any]) -> str:
    metadata = body["metadata"]
    where = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{RBAC}/{where}{body['kind'].lower()}s/{metadata['name']}"


@pytest.fixture(scope="module")
def user(
    world: World, run_snapshot: Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[User]:
    """One with all that is printed, bound by the commands that stand above the roles."""
    text = print_rights(run_snapshot, world, "--for", "user", *named(world))
    name = f"snapshot-test-{secrets.token_hex(4)}"
    commands = re.findall(r"^# Grant it: (kubectl create .*) --user=USER$", text, re.MULTILINE)
    assert len(commands) == len(list(yaml.safe_load_all(text)))
    directory = tmp_path_factory.mktemp("rights")
    with applied(world, text, directory) as roles, ExitStack() as stack:
        for command in commands:
            stack.enter_context(bound(world, shlex.split(command)[1:], name))
        found = User(world, name, tuple(roles))
        wait_for("the user's rights", lambda: found.may("get", "pods/log"), 10, 0.02)
        yield found


@pytest.fixture(scope="module")
def runner(world: World, user: User) -> Iterator[User]:
    """One with the first of these roles alone: the others are optional."""
    name = f"snapshot-test-{secrets.token_hex(4)}"
    role = user.run_role.rpartition("/")[2]
    words = ["create", "rolebinding", name, "-n", world.first, f"--role={role}"]
    with bound(world, words, name):
        found = User(world, name, (user.run_role,))
        wait_for("the user's rights", lambda: found.may("get", "pods/log"), 10, 0.02)
        yield found


@contextmanager
def bound(world: World, words: list[str], name: str) -> Iterator[None]:
    """Run a `kubectl create …binding` for a user, and take the binding away afterwards."""
    ended = world.cluster.kubectl(*words, f"--user={name}")
    assert ended.returncode == 0, ended.stderr
    yield
    world.cluster.kubectl("delete", *(word for word in words[1:] if not word.startswith("--")))


def statuses(snapshot: Snapshot) -> dict[str, str]:
    return {f"{type_}.{name}": subtype(snapshot, type_, name).status for type_, name in SUBTYPES}


def assert_read(found: Mapping[str, str]) -> None:
    """Nothing of the cluster is a gap."""
    assert {name for name, status in found.items() if status != "ok"} <= LACKING
    assert set(found.values()) <= {"ok", "absent"}


def test_who_has_what_is_printed_reads_all_and_nothing_is_left(
    user: User, world: World, run_snapshot: Run
) -> None:
    snapshot = capture(run_snapshot, world, "--as", user.name)
    assert snapshot.metadata["cluster-scope"] == "client"
    assert_read(statuses(snapshot))
    assert_nothing_left(world.cluster, snapshot.metadata["run-id"])


def test_who_has_only_the_role_of_a_run_gets_a_document_that_says_what_is_forbidden(
    runner: User, world: World, run_snapshot: Run
) -> None:
    snapshot = capture(run_snapshot, world, "--as", runner.name)
    assert snapshot.metadata["cluster-scope"] == "client"
    found = statuses(snapshot)
    assert {name: found.pop(name) for name in ALWAYS} == ALWAYS
    assert set(found.values()) == {"forbidden"}
    # Whoever may not read the kubelet's configuration has the reason, too.
    for title in (*found, "K8s.kubelet"):
        reason = subtype(snapshot, *title.split(".")).context.get("reason", "")
        assert re.search(r'cannot (get|list) resource "[\w/]+" in API group', reason), title


@pytest.mark.parametrize(("verb", "resource"), NEEDED)
def test_who_lacks_a_right_is_reported_before_the_first_write(
    runner: User, world: World, run_snapshot: Run, verb: str, resource: str
) -> None:
    with runner.without(verb, resource):
        before = world.cluster.audit_size()
        ended = run_snapshot("-n", world.first, "--as", runner.name)
        events = world.cluster.audit(before)
    assert ended.returncode == 4, ended.stderr
    title = "jobs.batch" if resource == "jobs" else resource
    assert f"in namespace {world.first}: {verb} {title}" in ended.stderr
    assert f"user {runner.name} cannot run a capture" in ended.stderr
    assert written(events, runner.name) == []


def written(events: list[dict[str, Any]], impersonated: str) -> list[str]:
    """What a user wrote, or tried to, without a dry run; a review is a question."""
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in events
        if event.get("impersonatedUser", {}).get("username") == impersonated
        and event["verb"] not in ("get", "list", "watch")
        and "dryRun" not in event["requestURI"]
        and "review" not in event["requestURI"]
    ]


@pytest.mark.parametrize("resource", OPTIONAL)
def test_a_run_goes_on_without_an_optional_right(
    user: User, world: World, run_snapshot: Run, resource: str
) -> None:
    verb = "create" if resource == "secrets" else "watch"
    with user.without(verb, resource):
        snapshot = capture(run_snapshot, world, "--as", user.name)
    assert_read(statuses(snapshot))
    assert (snapshot.metadata.get("redaction") == OWN_KEY) == (resource == "secrets")


def test_the_agents_account_reads_everything_by_get_and_list_alone(
    runner: User, world: World, run_snapshot: Run, tmp_path: Path
) -> None:
    text = print_rights(run_snapshot, world, *named(world))
    words = ["--service-account-name", NAME, "--cluster-scope", "agent", "--as", runner.name]
    with applied(world, text, tmp_path):
        before = world.cluster.audit_size()
        snapshot = capture(run_snapshot, world, *words)
        events = world.cluster.audit(before)
    assert_read(statuses(snapshot))
    account = f"system:serviceaccount:{world.first}:{NAME}"
    asked = [event for event in events if event["user"]["username"] == account]
    assert {event["verb"] for event in asked} == {"get", "list"}
    # The set, because a proxied request has an event when it starts, too.
    refused = {e["requestURI"] for e in asked if e["responseStatus"]["code"] != 200}
    # No role of ours grants it; the document has the reason, and no gap.
    assert [uri.rpartition("/")[2] for uri in refused] == ["configz"]
    assert "nodes/proxy" in subtype(snapshot, "K8s", "kubelet").context["reason"]


def test_each_user_gets_an_honest_document_or_is_reported_what_is_missing(
    user: User, runner: User, world: World, run_snapshot: Run
) -> None:
    lab = world.cluster.require_lab()
    people: dict[str, tuple[list[str], str]] = {
        "admin": ([], ""),
        "viewer": ([], str(lab.kubeconfig("viewer"))),
        "nobody": ([], str(lab.kubeconfig("nobody"))),
        "rbac --for user": (["--as", user.name], ""),
        "the same, no reader": (["--as", runner.name], ""),
    }
    table: dict[str, dict[str, str]] = {}
    for name, (words, kubeconfig) in people.items():
        node = {"NODE_NAME": world.cluster.nodes[0]}
        here = run_snapshot("--local", *named(world), *words, kubeconfig=kubeconfig, env=node)
        assert here.returncode == 0, here.stderr
        gate = run_snapshot(
            "preflight", "-n", world.first, "-o", "json", *words, kubeconfig=kubeconfig
        )
        code = str(json.loads(gate.stdout)["exitCode"])
        table[name] = {**statuses(parse_valid(here.stdout)), "a capture ends with": code}
    print(render_matrix(table))
    assert table["rbac --for user"] == table["admin"]
    nothing = {**dict.fromkeys(table["admin"], "forbidden"), **ALWAYS}
    assert table["nobody"] == {**nothing, "a capture ends with": "4"}
    assert table["the same, no reader"] == {**nothing, "a capture ends with": "0"}
    # ClusterRole view: pods and ConfigMaps, no Secrets, no nodes, no kinds of others.
    of_pods = {name: table["admin"][name] for name in ("K8s.daemon-set", "K8s.priority-class")}
    seen = {"K8s.image": "ok", "K8s.helm": "partial", "a capture ends with": "4"}
    assert table["viewer"] == {**nothing, **of_pods, **seen}
    assert table["admin"].pop("a capture ends with") == "0"
    assert_read(table["admin"])


def render_matrix(table: Mapping[str, Mapping[str, str]]) -> str:
    rows = [["", *table], *([row, *(table[n][row] for n in table)] for row in table["admin"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )
