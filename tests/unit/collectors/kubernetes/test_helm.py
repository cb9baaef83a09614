from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.kubernetes import helm
from kubectl_snapshot.collectors.kubernetes.helm import (
    parse_namespaces,
    parse_release,
)
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal, InvalidRequest, SnapshotError, Unauthorized
from kubectl_snapshot.settings import CollectSettings
from tests.unit.collectors.api_answers import Api

NOTHING = Shared(tuple, dict, {})


def release(name: str, version: int = 1, **config: Any) -> dict[str, Any]:
    chart = {"name": "cache", "version": "1.2.0", "appVersion": "7.4"}
    return {
        "name": name,
        "version": version,
        "info": {"status": "deployed"},
        "chart": {"metadata": chart, "values": {"port": 6379}},
        "config": config,
    }


def encode(content: object) -> str:
    return base64.b64encode(gzip.compress(json.dumps(content).encode(), mtime=0)).decode()


def config_map(namespace: str, content: dict[str, Any], payload: str | None = None) -> Any:
    labels = {"name": content["name"], "version": str(content["version"]), "owner": "helm"}
    name = f"sh.helm.release.v1.{content['name']}.v{content['version']}"
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"release": encode(content) if payload is None else payload},
    }


def secret(namespace: str, content: dict[str, Any], payload: str | None = None) -> Any:
    found = config_map(namespace, content, payload)
    inner = found["data"]["release"]
    found["data"]["release"] = base64.b64encode(inner.encode()).decode()
    return {**found, "type": "helm.sh/release.v1"}


def read(answers: dict[str, Any], *namespaces: str) -> Subtype:
    settings = CollectSettings(helm_namespaces=namespaces or ("*",))
    return helm.read(Api(answers).context(settings=settings), NOTHING)


def test_without_a_named_namespace_nothing_is_asked_and_the_reason_is_reported() -> None:
    api = Api({})
    found = helm.read(api.context(), NOTHING)
    assert (found.data, found.status, api.asked) == ({}, "ok", [])
    assert "--helm-namespace" in found.context["reason"]


def test_a_release_is_reported_with_its_users_values_and_not_the_charts() -> None:
    content = release("web", 3, limit=2000000, ratio=0.5, auth={"password": "hunter2"})
    found = read({"/api/v1/secrets": [secret("ops", content)]})
    assert found.data == {
        "web.namespace": "ops",
        "web.revision": "3",
        "web.status": "deployed",
        "web.chart": "cache",
        "web.version": "1.2.0",
        "web.appVersion": "7.4",
        "web.values.limit": "2000000",
        "web.values.ratio": "0.5",
        "web.values.auth.password": "hunter2",
    }
    assert found.context == {"namespaces": "*"}


def test_both_drivers_are_asked_in_the_named_namespaces_only() -> None:
    api = Api({"/api/v1/namespaces/b/configmaps": [config_map("b", release("web"))]})
    found = helm.read(api.context(settings=CollectSettings(helm_namespaces=("a", "b"))), NOTHING)
    assert found.data["web.namespace"] == "b"
    assert found.context == {"namespaces": "a,b"}
    places = [f"/api/v1/namespaces/{n}/{k}" for n in "ab" for k in ("secrets", "configmaps")]
    assert [path for _, path in api.asked] == places
    assert set(map(str, api.queries.values())) == {str(helm.SELECTOR)}


@pytest.mark.parametrize("order", [(9, 10), (10, 9)])
def test_the_highest_revision_counts(order: tuple[int, int]) -> None:
    stored = [secret("ops", release("web", version)) for version in order]
    assert read({"/api/v1/secrets": stored}).data["web.revision"] == "10"


def test_of_two_equal_revisions_the_secrets_counts() -> None:
    # Helm writes Secrets unless reported otherwise; a ConfigMap of the same revision is a leftover.
    answers = {
        "/api/v1/secrets": [secret("ops", release("web", 3, driver="secret"))],
        "/api/v1/configmaps": [config_map("ops", release("web", 3, driver="configmap"))],
    }
    assert read(answers).data["web.values.driver"] == "secret"


def test_of_one_name_the_first_namespace_has_it_plain() -> None:
    stored = [secret("b", release("web", 2)), secret("a", release("web", 1))]
    data = read({"/api/v1/secrets": stored}).data
    assert (data["web.namespace"], data["web.revision"]) == ("a", "1")
    assert (data["b/web.namespace"], data["b/web.revision"]) == ("b", "2")


def test_a_corrupt_release_is_named_and_costs_no_other() -> None:
    stored = [secret("ops", release("bad"), "no base64!"), secret("ops", release("good"))]
    found = read({"/api/v1/secrets": stored})
    assert {key.partition(".")[0] for key in found.data} == {"good"}
    assert found.status == "partial"
    assert found.context["reason"].startswith("release ops/bad is corrupt: cannot decode it")


def test_an_older_revision_is_never_passed_off_as_a_corrupt_newer_one() -> None:
    stored = [secret("ops", release("web", 1)), secret("ops", release("web", 2), "")]
    found = read({"/api/v1/secrets": stored})
    assert (found.data, found.status) == ({}, "partial")


def test_secrets_of_another_type_are_not_helms() -> None:
    other = {**secret("ops", release("web")), "type": "Opaque"}
    with pytest.raises(Absent):
        read({"/api/v1/secrets": [other]})


REFUSED = Unauthorized("cannot list Helm's secrets of namespace a", why="forbidden", status=403)


def test_a_refused_namespace_is_a_gap_and_the_others_are_read() -> None:
    answers = {
        "/api/v1/namespaces/a/secrets": REFUSED,
        "/api/v1/namespaces/b/secrets": [secret("b", release("web"))],
    }
    found = read(answers, "a", "b")
    assert found.data["web.namespace"] == "b"
    assert (found.status, found.context["reason"]) == (
        "partial",
        "cannot list Helm's secrets of namespace a: forbidden",
    )


def test_all_refused_is_forbidden() -> None:
    found = read({"/api/v1/secrets": REFUSED, "/api/v1/configmaps": REFUSED})
    assert (found.data, found.status) == ({}, "forbidden")
    assert found.context["namespaces"] == "*"


def test_no_release_is_absent() -> None:
    with pytest.raises(Absent, match="in a,b"):
        read({}, "a", "b")


def test_many_reasons_are_counted() -> None:
    stored = [secret("ops", release(f"r{n}"), "") for n in range(30)]
    assert read({"/api/v1/secrets": stored}).context["reason"].endswith("; and 20 more")


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "?",
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"\xff").decode(),
        base64.b64encode(gzip.compress(b"{}", mtime=0)[:-9]).decode(),
        base64.b64encode(b"\x1f\x8b\x08 is no gzip").decode(),
        encode({"name": "web", "config": json.loads('{"a":' * 500 + "1" + "}" * 500)}),
    ],
)
def test_what_is_no_release_is_an_error_of_ours(payload: str) -> None:
    with pytest.raises(SnapshotError):
        parse_release(payload, "ops")


def test_a_release_that_unpacks_to_more_than_any_chart_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helm, "MAX_RELEASE_BYTES", 1000)
    payload = encode(release("web", padding="x" * 2000))
    with pytest.raises(Internal, match=r"cannot decode it: over 16 MiB$"):
        parse_release(payload, "ops")
    cut = base64.b64encode(base64.b64decode(encode(release("web")))[:-9]).decode()
    with pytest.raises(Internal, match=r"cannot decode it: truncated$"):
        parse_release(cut, "ops")


def test_a_release_from_before_compression_is_read() -> None:
    payload = base64.b64encode(json.dumps(release("web")).encode()).decode()
    assert parse_release(payload, "ops").name == "web"


@given(st.binary())
def test_any_payload_is_a_release_or_an_error_of_ours(content: bytes) -> None:
    for data in (content, gzip.compress(content), b"\x1f\x8b\x08" + content):
        try:
            parse_release(base64.b64encode(data).decode(), "ops")
        except SnapshotError:
            continue


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ()),
        (["b", "a", "b"], ("b", "a")),
        (["a", "*"], ("*",)),
    ],
)
def test_namespaces_are_named_once_and_all_means_all(
    names: list[str], expected: tuple[str, ...]
) -> None:
    assert parse_namespaces(names) == expected


@pytest.mark.parametrize("name", ["", "A", "a/b", "-a", "a-", "a.b", "x" * 64, "a*"])
def test_what_can_be_no_namespace_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="invalid namespace"):
        parse_namespaces([name])
