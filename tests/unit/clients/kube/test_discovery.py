"""Finding the resource of a kind: which version is taken, and what is not asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kubectl_snapshot.clients.kube.client import Kube
from kubectl_snapshot.clients.kube.discovery import Resource, find_resources, read_groups
from kubectl_snapshot.errors import ServiceUnavailable, Unauthorized
from tests.servers.http_server import Exchange, serve

Connect = Callable[..., Kube]


def group(name: str, *versions: str) -> dict[str, Any]:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def resource(name: str, kind: str, *verbs: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "verbs": list(verbs or ("get", "list"))}


def find(
    connect_to: Connect,
    answers: Mapping[str, Any],
    kind: str = "Thing",
    suffix: str = "example.org",
) -> tuple[list[Resource], list[str]]:
    """Return what is found, and the paths that were asked for."""

    def answer(exchange: Exchange) -> None:
        found = answers.get(exchange.path, 404)
        exchange.send(found if isinstance(found, int) else 200, found)

    deadline = time.monotonic() + 10
    with serve(answer) as server:
        kube = connect_to(server)
        groups = read_groups(kube, deadline)
        found = find_resources(kube, groups, lambda n: n.endswith(suffix), (kind,), deadline)
        return found, [exchange.path for exchange in server.seen]


def test_the_preferred_version_that_has_the_kind_is_taken(connect_to: Connect) -> None:
    answers = {
        "/apis": {"groups": [group("example.org", "v2", "v1", "v1beta1")]},
        "/apis/example.org/v2": {"resources": [resource("others", "Other")]},
        "/apis/example.org/v1": {"resources": [resource("things", "Thing")]},
        "/apis/example.org/v1beta1": {"resources": [resource("things", "Thing")]},
    }
    found, asked = find(connect_to, answers)
    assert found == [Resource("example.org", "v1", "things", "Thing")]
    assert found[0].path == "/apis/example.org/v1/things"
    assert found[0].title == "things.example.org"
    assert asked == ["/apis", "/apis/example.org/v2", "/apis/example.org/v1"]


def test_several_kinds_cost_one_request_for_each_version(connect_to: Connect) -> None:
    served = {
        "/apis": {"groups": [group("example.org", "v2", "v1", "v1beta1")]},
        "/apis/example.org/v2": {"resources": [resource("others", "Other")]},
        "/apis/example.org/v1": {"resources": [resource("others", "Other"), resource("as", "A")]},
    }
    asked: list[str] = []

    def answer(exchange: Exchange) -> None:
        asked.append(exchange.path)
        exchange.send(200, served[exchange.path])

    with serve(answer) as server:
        kube = connect_to(server)
        deadline = time.monotonic() + 10
        groups = read_groups(kube, deadline)
        found = find_resources(kube, groups, lambda n: True, ("A", "Other"), deadline)
    assert [(one.kind, one.version) for one in found] == [("A", "v1"), ("Other", "v2")]
    assert asked == ["/apis", "/apis/example.org/v2", "/apis/example.org/v1"]


def test_groups_that_are_not_wanted_are_not_asked(connect_to: Connect) -> None:
    answers = {"/apis": {"groups": [group("apps", "v1"), group("metrics.k8s.io", "v1")]}}
    assert find(connect_to, answers) == ([], ["/apis"])


def test_every_wanted_group_is_looked_into_by_name(connect_to: Connect) -> None:
    served = {"resources": [resource("things", "Thing")]}
    answers = {
        "/apis": {"groups": [group("b.example.org", "v1"), group("a.example.org", "v1")]},
        "/apis/a.example.org/v1": served,
        "/apis/b.example.org/v1": served,
    }
    found, _ = find(connect_to, answers)
    assert [resource.group for resource in found] == ["a.example.org", "b.example.org"]


def test_subresources_and_what_cannot_be_listed_do_not_count(connect_to: Connect) -> None:
    resources = [resource("things/status", "Thing"), resource("things", "Thing", "create")]
    answers = {
        "/apis": {"groups": [group("example.org", "v1")]},
        "/apis/example.org/v1": {"resources": resources},
    }
    assert find(connect_to, answers)[0] == []


def test_a_group_that_went_away_meanwhile_is_as_one_that_never_was(connect_to: Connect) -> None:
    answers = {"/apis": {"groups": [group("example.org", "v1")]}}
    assert find(connect_to, answers)[0] == []


def test_a_server_without_groups_has_no_resource(connect_to: Connect) -> None:
    assert find(connect_to, {"/apis": {"groups": None}})[0] == []


def test_a_refusal_is_raised(connect_to: Connect) -> None:
    with pytest.raises(Unauthorized, match="cannot list the API groups"):
        find(connect_to, {"/apis": 403})


@pytest.mark.parametrize("answer", [[], "text", 7])
def test_an_answer_that_is_no_list_of_resources_is_an_error(
    connect_to: Connect, answer: object
) -> None:
    answers = {
        "/apis": {"groups": [group("example.org", "v1")]},
        "/apis/example.org/v1": [answer] if isinstance(answer, int) else answer,
    }
    with pytest.raises(ServiceUnavailable, match="not a JSON object"):
        find(connect_to, answers)


def test_entries_that_are_no_resources_are_passed_over(connect_to: Connect) -> None:
    listed = ["text", {}, {"name": 7, "kind": "Thing"}, {"name": "x", "kind": "Thing"}]
    answers = {
        "/apis": {"groups": [group("example.org", "v1")]},
        "/apis/example.org/v1": {"resources": [*listed, resource("things", "Thing")]},
    }
    assert find(connect_to, answers)[0] == [Resource("example.org", "v1", "things", "Thing")]
