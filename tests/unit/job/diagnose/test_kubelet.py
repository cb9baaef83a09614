from __future__ import annotations

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose import kubelet

POD = {"metadata": {"name": "p", "namespace": "ops"}, "spec": {"nodeName": "node2"}}
GET = 'Get "https://10.0.0.1:10250/containerLogs/ops/p/c": '


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        ("dial tcp: connection refused", "node node2 does not respond", "kubectl describe node"),
        (
            "remote error: tls: internal error",
            "the kubelet of node node2 has no serving certificate",
            "`kubectl certificate approve NAME`",
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "the API server does not trust the certificate of node node2's kubelet",
            "--kubelet-certificate-authority",
        ),
    ],
)
def test_a_kubelet_that_cannot_be_reached_is_told_by_its_reason(
    words: str, what: str, hint: str
) -> None:
    error = kubelet.diagnose_node_lost(POD, GET + words)
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what.startswith(what)
    assert error.why == GET + words
    assert hint in error.hint


def test_a_refused_log_tells_the_users_permission_from_the_api_servers() -> None:
    def diagnose(why: str) -> errors.SnapshotError:
        return kubelet.diagnose_log_refused(POD, errors.Unauthorized("x", why, status=403))

    ours = 'pods "p" is forbidden: User "u" cannot get resource "pods/log" in API group ""'
    servers = "Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource(s)=[proxy])"
    assert (diagnose(ours).what, type(diagnose(ours))) == ("x", errors.Unauthorized)
    refused = diagnose(servers)
    assert refused.what == "the kubelet of node node2 does not let the API server read logs"
    assert "system:kubelet-api-admin" in refused.hint
    assert (refused.why, refused.status) == (f"HTTP 403: {servers}", 403)
    assert diagnose("debug endpoints are off").what == "node node2 does not serve container logs"


def test_a_log_that_something_on_the_way_refuses_names_the_status() -> None:
    refusal = errors.ServiceUnavailable("x", "<h1>Bad Gateway</h1>", status=502)
    error = kubelet.diagnose_log_broken(POD, refusal)
    assert isinstance(error, errors.ServiceUnavailable)
    assert "the log of pod ops/p cannot be read" in error.what
    assert (error.why, error.status) == ("HTTP 502: <h1>Bad Gateway</h1>", 502)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (errors.ServiceUnavailable("x", "connection reset"), "connection reset"),
        (None, "the stream ends at once, and the container runs"),
    ],
)
def test_a_log_that_is_cut_names_the_error_if_there_is_one(
    error: errors.SnapshotError | None, why: str
) -> None:
    told = kubelet.diagnose_log_cut(POD, error)
    assert told.what == "the log of pod ops/p is cut each time it is read"
    assert told.why == why
