from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.flat_text import merge_entries
from kubectl_snapshot.collectors.kubernetes.argocd import (
    is_argo_group,
    parse_application,
    read,
)
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.redaction.measurements import redact_measurements
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.snapshot import Measurement, Subtype
from kubectl_snapshot.errors import Absent, Unauthorized
from tests.unit.collectors.api_answers import Api

OBJECTS = "/apis/argoproj.io/v1alpha1/applications"
FORKED = "/apis/fork.argoproj.io/v1/applications"
GROUPS = [
    {"name": "argoproj.io", "preferredVersion": {"version": "v1alpha1"}},
    {"name": "fork.argoproj.io", "preferredVersion": {"version": "v1"}},
    {"name": "app.k8s.io", "preferredVersion": {"version": "v1beta1"}},
]
KIND = {"resources": [{"name": "applications", "kind": "Application", "verbs": ["list"]}]}
SERVED = {"/apis/argoproj.io/v1alpha1": KIND, "/apis/fork.argoproj.io/v1": KIND}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def application(name: str, namespace: str = "argocd", **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, **fields}


def entries(**fields: Any) -> dict[str, str]:
    return dict(parse_application(application("app", **fields)).entries)


def test_a_single_source_is_reported_with_its_helm_settings() -> None:
    helm = {
        "values": "a: 1\n",
        "valuesObject": {"image": {"tag": "2"}},
        "valueFiles": ["base.yaml", "prod.yaml"],
        "parameters": [{"name": "replicas", "value": "3"}, {"name": "suffix", "value": ""}],
    }
    source = {"repoURL": "https://charts.example.org", "chart": "web", "helm": helm, "path": ""}
    found = entries(
        spec={
            "project": "default",
            "destination": {"namespace": "web", "server": "https://kubernetes.default.svc"},
            "source": source,
        },
        status={"sync": {"status": "Synced"}, "health": {"status": "Healthy"}},
    )
    assert found == {
        "namespace": "argocd",
        "project": "default",
        "targetNamespace": "web",
        "destination.server": "https://kubernetes.default.svc",
        "source.repoURL": "https://charts.example.org",
        "source.chart": "web",
        "source.helm.values": "a: 1\n",
        "source.helm.valuesObject.image.tag": "2",
        "source.helm.valueFiles": "base.yaml,prod.yaml",
        "source.helm.parameters.replicas": "3",
        "source.helm.parameters.suffix": "",
        "syncStatus": "Synced",
        "healthStatus": "Healthy",
    }


def test_several_sources_are_numbered_from_0() -> None:
    sources = [{"repoURL": "a", "targetRevision": "v1"}, {"repoURL": "b", "path": "p"}]
    assert entries(spec={"sources": sources}) == {
        "namespace": "argocd",
        "sources.0.repoURL": "a",
        "sources.0.targetRevision": "v1",
        "sources.1.repoURL": "b",
        "sources.1.path": "p",
    }


def test_of_one_name_the_first_namespace_has_it_plain() -> None:
    found = merge_entries(parse_application(application("app", name)) for name in ("b", "a"))
    assert found == {"app.namespace": "a", "b/app.namespace": "b"}


def test_parameters_of_one_name_both_stay() -> None:
    parameters = [{"name": "x", "value": "1"}, {"name": "x", "value": "2"}]
    spec = {"source": {"helm": {"parameters": parameters}}}
    found = merge_entries([parse_application(application("app", spec=spec))])
    assert found["app.source.helm.parameters.x"] == "1"
    assert found["app.source.helm.parameters.x#2"] == "2"


def test_every_group_that_ends_in_argoproj_io_is_read_and_one_refused_is_a_gap() -> None:
    refusal = Unauthorized("cannot list applications.fork.argoproj.io", status=403)
    api = Api({**SERVED, OBJECTS: [application("app")], FORKED: refusal})
    found = read(api.context(), Shared(lambda: GROUPS, dict, {}))
    assert found.data == {"app.namespace": "argocd"}
    assert (found.status, found.context["reason"]) == ("partial", refusal.what)


def test_all_refused_is_forbidden() -> None:
    refusal = Unauthorized("cannot list applications.argoproj.io", status=403)
    api = Api({**SERVED, OBJECTS: refusal, FORKED: refusal})
    found = read(api.context(), Shared(lambda: GROUPS, dict, {}))
    assert (found.data, found.status) == ({}, "forbidden")


@pytest.mark.parametrize(("groups", "answers"), [([], {}), (GROUPS, {}), (GROUPS, SERVED)])
def test_where_there_is_none_it_is_absent(groups: list[Any], answers: dict[str, Any]) -> None:
    with pytest.raises(Absent):
        read(Api(answers).context(), Shared(lambda: groups, dict, {}))


@pytest.mark.parametrize(
    ("group", "expected"),
    [("argoproj.io", True), ("x.argoproj.io", True), ("argoproj.io.example.org", False)],
)
def test_a_group_is_reported_by_its_end(group: str, expected: bool) -> None:
    assert is_argo_group(group) is expected


@given(JSON, JSON)
def test_an_object_of_any_shape_is_read(spec: object, status: object) -> None:
    found = parse_application(application("app", spec=spec, status=status))
    assert all(isinstance(value, str) for _, value in found.entries)


@pytest.mark.parametrize("key", ["source", "sources"])
def test_a_password_in_any_source_is_redacted(key: str) -> None:
    source = {"repoURL": "https://user:hunter22@git.example.org/a", "chart": "web"}
    found = entries(spec={key: source if key == "source" else [source]})
    place = "app.source" if key == "source" else "app.sources.0"
    data = {f"app.{name}": text for name, text in found.items()}
    assert data[f"{place}.repoURL"] == source["repoURL"]
    measurement = Measurement("K8s", (Subtype("argocd", data),))
    (redacted,) = redact_measurements([measurement], Redaction(b"k" * 32), REGISTRY)
    readings = redacted.subtypes[0].data
    assert "hunter22" not in str(readings)
    assert readings[f"{place}.chart"] == "web"
