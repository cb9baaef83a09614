"""Kubeconfig files: merged, chosen from, and overridden by flags as kubectl does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.auth.access import (
    Access,
    ConnectionOptions,
    read_access,
    render_kubectl,
    select_access,
)
from kubectl_snapshot.clients.auth.kubeconfig import PodAccount, parse_config, read_pod_account
from kubectl_snapshot.errors import InvalidRequest, NotFound, SnapshotError

ALPHA = """\
current-context: alpha
contexts:
- {name: alpha, context: {cluster: alpha, user: ann, namespace: team}}
- {name: bare, context: {cluster: alpha, user: ann}}
clusters:
- {name: alpha, cluster: {server: "https://alpha:6443", certificate-authority: pki/ca.crt}}
users:
- {name: ann, user: {token: alpha-token}}
"""
BETA = """\
current-context: beta
contexts:
- {name: beta, context: {cluster: beta, user: bob}}
clusters:
- {name: beta, cluster: {server: "https://beta:6443"}}
- {name: alpha, cluster: {server: "https://other-alpha:6443"}}
users:
- {name: bob, user: {client-certificate: bob.crt, client-key: bob.key}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "config").write_text(ALPHA)
    (tmp_path / "b" / "config").write_text(BETA)
    (tmp_path / "empty").write_text("")
    return tmp_path


def access(files: str = "", /, **options: Any) -> Access:
    return read_access(ConnectionOptions(**options), {"KUBECONFIG": files})


def refusal(files: str = "", /, **options: Any) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        access(files, **options)
    return caught.value


def test_the_first_current_context_of_several_files_wins(home: Path) -> None:
    assert access(f"{home}/empty:{home}/a/config:{home}/b/config").context == "alpha"
    assert access(f"{home}/b/config:{home}/a/config").context == "beta"


def test_the_first_definition_of_a_name_wins(home: Path) -> None:
    files = (f"{home}/b/config", f"{home}/a/config")
    assert access(":".join(files), context="alpha").cluster["server"] == "https://other-alpha:6443"


def test_missing_and_empty_files_of_the_list_are_skipped(home: Path) -> None:
    assert access(f"{home}/nothing::{home}/empty:{home}/a/config").user_name == "ann"


def test_paths_are_relative_to_the_file_that_names_them(home: Path) -> None:
    files = f"{home}/a/config:{home}/b/config"
    assert access(files).cluster["certificate-authority"] == f"{home}/a/pki/ca.crt"
    bob = access(files, context="beta")
    assert bob.user["client-key"] == f"{home}/b/bob.key"
    assert bob.user_file == f"{home}/b/config"


def test_the_home_directorys_file_is_the_default(home: Path) -> None:
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(BETA)
    assert read_access(ConnectionOptions(), {"HOME": str(home)}).context == "beta"


def test_an_empty_list_of_files_means_the_default(home: Path) -> None:
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(BETA)
    env = {"HOME": str(home), "KUBECONFIG": ""}
    assert read_access(ConnectionOptions(), env).context == "beta"


def test_the_flag_goes_before_the_environment(home: Path) -> None:
    assert access(f"{home}/a/config", kubeconfig=f"{home}/b/config").context == "beta"


def test_a_file_named_by_the_flag_has_to_be_there(home: Path) -> None:
    caught = refusal(kubeconfig=f"{home}/nothing")
    assert isinstance(caught, NotFound)
    assert f"{home}/nothing" in caught.what


def test_no_configuration_at_all_is_not_found_with_a_way_out() -> None:
    with pytest.raises(NotFound) as caught:
        read_access(ConnectionOptions(), {"HOME": "/nonexistent"})
    assert "--kubeconfig" in caught.value.hint


def test_the_namespace_is_the_flags_else_the_contexts_else_default(home: Path) -> None:
    files = f"{home}/a/config"
    assert access(files, namespace="mine").namespace == "mine"
    assert access(files).namespace == "team"
    assert access(files, context="bare").namespace == "default"


@pytest.mark.parametrize("what", ["context", "cluster", "user"])
def test_an_unknown_name_is_not_found_and_those_that_exist_are_reported(
    home: Path, what: str
) -> None:
    caught = refusal(f"{home}/a/config", **{what: "nope"})
    assert isinstance(caught, NotFound)
    assert f'{what} "nope" not found' in caught.what
    assert {"context": "alpha, bare", "cluster": "alpha", "user": "ann"}[what] in caught.why


def test_without_a_current_context_one_has_to_be_chosen(home: Path) -> None:
    (home / "c").write_text(ALPHA.replace("current-context: alpha\n", ""))
    caught = refusal(f"{home}/c")
    assert isinstance(caught, NotFound)
    assert "--context" in caught.hint
    assert access(f"{home}/c", cluster="alpha", user="ann").user["token"] == "alpha-token"


def test_a_server_alone_is_enough() -> None:
    found = read_access(ConnectionOptions(server="http://127.0.0.1:8001"), {})
    assert (found.cluster["server"], found.user, found.context) == ("http://127.0.0.1:8001", {}, "")


def test_another_cluster_and_user_can_be_put_together(home: Path) -> None:
    found = access(f"{home}/a/config:{home}/b/config", cluster="beta", user="ann")
    assert found.cluster["server"] == "https://beta:6443"
    assert found.user["token"] == "alpha-token"
    assert found.namespace == "team"


def test_a_server_flag_forgets_the_name_that_the_certificate_should_have() -> None:
    cluster = {"server": "https://old", "tls-server-name": "old"}
    assert _with_flags(cluster, server="https://new")["tls-server-name"] == ""
    flags = {"server": "https://new", "tls_server_name": "new"}
    assert _with_flags(cluster, **flags)["tls-server-name"] == "new"


@pytest.mark.parametrize(
    "flag", [{"certificate_authority": "x"}, {"insecure_skip_tls_verify": True}]
)
def test_a_flag_of_trust_takes_the_place_of_the_files_ca(flag: dict[str, Any]) -> None:
    cluster = _with_flags({"server": "https://x", "certificate-authority-data": "QQ=="}, **flag)
    assert "certificate-authority-data" not in cluster
    assert cluster["insecure-skip-tls-verify"] == ("insecure_skip_tls_verify" in flag)


def test_a_hint_repeats_the_flags_that_say_where_and_who_and_no_secret() -> None:
    options = ConnectionOptions(
        context="my ctx",
        server="https://x",
        token="secret",
        as_user="ann",
        as_groups=("a", "b c"),
        client_certificate="c.crt",
        client_key="c.key",
        insecure_skip_tls_verify=True,
    )
    expected = (
        "`kubectl auth whoami --context 'my ctx' --server https://x --client-certificate c.crt"
        " --client-key c.key --as ann --as-group a --as-group 'b c' --insecure-skip-tls-verify"
        " --token TOKEN`"
    )
    assert render_kubectl("auth whoami", options) == expected
    assert render_kubectl("cluster-info", ConnectionOptions()) == "`kubectl cluster-info`"


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        ("https://ann:secret@api:6443/k8s", "https://api:6443/k8s"),
        ("ann:secret@api", "api"),
        ("https://api/a@b", "https://api/a@b"),
    ],
)
def test_a_hint_repeats_an_address_without_its_login(server: str, shown: str) -> None:
    reported = render_kubectl("cluster-info", ConnectionOptions(server=server))
    assert reported == f"`kubectl cluster-info --server {shown}`"


def test_trusting_a_ca_and_nobody_at_once_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        _with_flags(
            {"server": "https://x"}, certificate_authority="x", insecure_skip_tls_verify=True
        )


def test_flags_of_a_login_go_over_those_of_the_file() -> None:
    user = {"token": "file", "client-certificate-data": "Q", "client-key-data": "Q"}
    found = _user_with_flags(user, token="given", client_certificate="c.crt", client_key="c.key")
    assert found == {"token": "given", "client-certificate": "c.crt", "client-key": "c.key"}


def test_impersonation_flags_go_over_those_of_the_file() -> None:
    user = {"as": "file", "as-groups": ["one"]}
    assert _user_with_flags(user, as_user="flag") == {"as": "flag", "as-groups": ["one"]}
    found = _user_with_flags(user, as_groups=("a", "b"), as_uid="7")
    assert found == {"as": "file", "as-groups": ["a", "b"], "as-uid": "7"}


def test_a_group_without_a_user_to_act_as_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="needs a user"):
        _user_with_flags({}, as_groups=("a",))


@pytest.mark.parametrize(
    "text",
    [
        "just text",
        "clusters: text",
        "clusters: [text]",
        "users: [{name: ann, user: text}]",
        "users: [{name: ann, user: {token: 0123}}]",
        "users: [{name: ann, user: {exec: text}}]",
        "users: [{name: ann, user: {as-groups: text}}]",
        "clusters: [{name: c, cluster: {server: 1}}]",
        "contexts: [{name: 5, context: {}}]",
        "a: [",
    ],
)
def test_a_broken_file_is_an_invalid_request_that_names_it(home: Path, text: str) -> None:
    (home / "broken").write_text(text)
    caught = refusal(f"{home}/broken")
    assert isinstance(caught, InvalidRequest)
    assert f"{home}/broken" in caught.what


def test_a_cluster_without_a_server_is_an_invalid_request(home: Path) -> None:
    (home / "c").write_text(ALPHA.replace('server: "https://alpha:6443", ', ""))
    assert isinstance(refusal(f"{home}/c"), InvalidRequest)


def test_secrets_are_not_part_of_how_a_record_looks() -> None:
    record = Access("c", "ann", "default", {}, {"token": "secret"})
    assert "secret" not in repr((record, ConnectionOptions(token="secret")))


@pytest.fixture
def service_account(tmp_path: Path) -> str:
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "namespace").write_text("pod-namespace")
    (tmp_path / "ca.crt").write_text("pem")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("host", "server"),
    [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")],
)
def test_a_pod_has_the_cluster_of_its_service_account(
    service_account: str, host: str, server: str
) -> None:
    env = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    found = read_pod_account(env, service_account)
    assert found is not None
    assert found.cluster["server"] == server
    assert found.cluster["certificate-authority"] == f"{service_account}/ca.crt"
    assert found.user == {"tokenFile": f"{service_account}/token"}
    assert found.namespace == "pod-namespace"


POD_ENV = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_pods_namespace_is_that_of_its_variable_else_of_its_account(service_account: str) -> None:
    named = read_pod_account({**POD_ENV, "POD_NAMESPACE": "var"}, service_account)
    assert named is not None
    assert named.namespace == "var"
    (Path(service_account) / "namespace").unlink()
    unknown = read_pod_account(POD_ENV, service_account)
    assert unknown is not None
    assert unknown.namespace == ""


POD = PodAccount({"server": "https://pod"}, {"tokenFile": "/t"}, "pod-ns")


def in_pod(document: dict[str, Any], **options: Any) -> Access:
    return select_access(parse_config(document, "/x"), ConnectionOptions(**options), POD)


def test_in_a_pod_a_context_without_a_cluster_means_the_pods_account() -> None:
    named = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "", "namespace": "mine"}}],
    }
    found = in_pod(named)
    assert (found.cluster, found.user, found.namespace) == (POD.cluster, POD.user, "mine")
    assert in_pod({}).namespace == "pod-ns"
    assert in_pod({}, token="given").user == {"token": "given"}


def test_in_a_pod_a_kubeconfig_or_a_server_goes_before_the_account() -> None:
    found = in_pod({}, server="https://flag")
    assert (found.cluster["server"], found.user) == ("https://flag", {})
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k"}}],
    }
    chosen = in_pod(document)
    assert (chosen.cluster["server"], chosen.user, chosen.namespace) == ("https://k", {}, "pod-ns")


def test_in_a_pod_a_cluster_that_a_context_names_has_to_be_there() -> None:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "gone"}}],
    }
    with pytest.raises(NotFound, match="gone"):
        in_pod(document)


@pytest.mark.parametrize("key", ["clusters", "contexts", "users"])
def test_two_entries_of_one_name_are_refused(key: str) -> None:
    with pytest.raises(InvalidRequest, match=f"two {key} named a"):
        parse_config({key: [{"name": "a"}, {"name": "a"}]}, "/x")


@pytest.mark.parametrize("document", [{"apiVersion": "v2"}, {"kind": "Secret"}])
def test_another_kind_of_file_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="not a kubeconfig"):
        parse_config(document, "/x")
    parse_config({"apiVersion": "v1", "kind": "Config"}, "/x")
    parse_config({"apiVersion": "", "kind": ""}, "/x")


def test_outside_of_a_pod_there_is_no_service_account(service_account: str) -> None:
    env = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    assert read_pod_account({}, service_account) is None
    assert read_pod_account(env, f"{service_account}/nothing") is None


def _with_flags(cluster: dict[str, Any], **options: Any) -> dict[str, Any]:
    document = {"clusters": [{"name": "c", "cluster": cluster}]}
    found = parse_config(document, "/x")
    return dict(select_access(found, ConnectionOptions(cluster="c", **options)).cluster)


def _user_with_flags(user: dict[str, Any], **options: Any) -> dict[str, Any]:
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://x"}}],
        "users": [{"name": "ann", "user": user}],
    }
    found = parse_config(document, "/x")
    return dict(select_access(found, ConnectionOptions(cluster="c", user="ann", **options)).user)
