"""Requests on the wire: what is retried, what is raised, and how soon."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from kubectl_snapshot.clients.kube import calls as kube_calls
from kubectl_snapshot.clients.kube.client import METADATA, Call, Kube, Response
from kubectl_snapshot.clients.kube.errors import WriteConflict
from kubectl_snapshot.errors import (
    Internal,
    InvalidRequest,
    NotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    SnapshotError,
    Timeout,
    Unauthorized,
)
from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, Server, serve

Connect = Callable[..., Kube]
OK = {"ok": True}


def answering(*answers: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """The first requests get these answers, in order; all others a plain success."""
    waiting = list(answers)
    return lambda exchange: (waiting.pop(0) if waiting else succeed)(exchange)


def succeed(exchange: Exchange) -> None:
    exchange.send(200, OK)


def status(code: int, message: str = "", **headers: str) -> Callable[[Exchange], None]:
    body = {"kind": "Status", "message": message, "code": code}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.send(code, body, sent)


def read(kube: Kube, **more: float) -> Response:
    return kube.request("GET", "/x", doing="read x", **more)


def failure(kube: Kube, **more: float) -> SnapshotError:
    with pytest.raises(SnapshotError) as caught:
        read(kube, **more)
    return caught.value


def test_these_tests_run_on_the_packages_that_they_are_reported_to() -> None:
    import kubernetes

    directory = os.environ.get("SNAPSHOT_TEST_PACKAGE_DIR")
    is_stock = hasattr(kubernetes, "client") and hasattr(kubernetes.client, "CoreV1Api")
    assert is_stock is not bool(directory)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, InvalidRequest),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, InvalidRequest),
        (418, Internal),
        (422, InvalidRequest),
        (501, ServiceUnavailable),
    ],
)
def test_a_refusal_is_our_error_with_status_and_the_servers_words(
    connect_to: Connect, code: int, error: type[SnapshotError]
) -> None:
    with serve(answering(status(code, "because of this"))) as server:
        caught = failure(connect_to(server))
    assert type(caught) is error
    assert (caught.status, caught.what, caught.why) == (code, "cannot read x", "because of this")


def test_control_characters_in_the_servers_words_do_not_reach_the_terminal(
    connect_to: Connect,
) -> None:
    with serve(answering(status(404, "no\x1b[31m such\nthing\u202e"))) as server:
        assert failure(connect_to(server)).why == "no [31m such thing"


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(connect_to: Connect, code: int) -> None:
    with serve(answering(status(code), status(code))) as server:
        assert read(connect_to(server)).body == OK
        assert len(server.seen) == 3


def conflict(reason: str) -> Callable[[Exchange], None]:
    message = "Operation cannot be fulfilled on resourcequotas"
    body = {"kind": "Status", "message": message, "reason": reason, "code": 409}
    return lambda exchange: exchange.send(409, body)


@pytest.mark.parametrize(
    ("method", "reason", "requests"),
    [
        ("POST", "Conflict", 3),
        ("POST", "AlreadyExists", 1),
        ("POST", "", 1),
        ("DELETE", "Conflict", 1),
    ],
)
def test_a_creation_that_another_writer_outran_is_tried_again(
    connect_to: Connect, method: str, reason: str, requests: int
) -> None:
    with serve(answering(conflict(reason), conflict(reason))) as server:
        with suppress(InvalidRequest):
            connect_to(server).request(method, "/x", doing="change x")
        assert len(server.seen) == requests


def test_a_creation_that_is_always_outrun_is_no_object_that_exists(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_calls, "RETRY_WINDOW_S", 0.1)
    with (
        serve(answering(*[conflict("Conflict")] * 9)) as server,
        pytest.raises(WriteConflict) as caught,
    ):
        connect_to(server).request("POST", "/x", doing="create x")
    assert (caught.value.what, caught.value.why) == (
        "cannot create x",
        "Operation cannot be fulfilled on resourcequotas",
    )


def test_a_refusal_that_does_not_pass_is_asked_once(connect_to: Connect) -> None:
    with serve(answering(status(403))) as server:
        failure(connect_to(server))
        assert len(server.seen) == 1


def test_the_servers_retry_after_is_kept(connect_to: Connect) -> None:
    with serve(answering(status(429, Retry_After="1"))) as server:
        before = time.monotonic()
        read(connect_to(server))
        assert 1.0 <= time.monotonic() - before < 15


@pytest.mark.parametrize(("code", "is_waited_for"), [(429, True), (503, False)])
def test_only_throttling_is_waited_for_as_long_as_the_deadline_allows(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch, code: int, is_waited_for: bool
) -> None:
    monkeypatch.setattr(kube_calls, "RETRY_WINDOW_S", 0.1)
    with serve(answering(*[status(code)] * 3)) as server:
        if is_waited_for:
            assert read(connect_to(server), deadline=time.monotonic() + 10).body == OK
        else:
            assert failure(connect_to(server), deadline=time.monotonic() + 10).status == code


def test_throttling_without_a_deadline_is_waited_for_as_any_other_failure(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_calls, "RETRY_WINDOW_S", 0.1)
    with serve(answering(*[status(429)] * 3)) as server:
        assert isinstance(failure(connect_to(server)), RateLimitExceeded)


def test_a_retry_after_beyond_the_deadline_ends_at_once(connect_to: Connect) -> None:
    with serve(lambda exchange: status(429, "busy", Retry_After="60")(exchange)) as server:
        before = time.monotonic()
        caught = failure(connect_to(server))
        assert time.monotonic() - before < 15
    assert isinstance(caught, RateLimitExceeded)


@pytest.mark.parametrize("after", ["61", "9" * 400])
def test_a_server_that_wants_to_be_left_alone_for_long_is_not_waited_for(
    connect_to: Connect, after: str
) -> None:
    with serve(status(429, "busy", Retry_After=after)) as server:
        caught = failure(connect_to(server), deadline=time.monotonic() + 1e6)
        assert len(server.seen) == 1
    assert isinstance(caught, RateLimitExceeded)


def test_retries_stop_at_the_deadline_with_the_last_refusal(connect_to: Connect) -> None:
    with serve(lambda exchange: status(503, "not now")(exchange)) as server:
        before = time.monotonic()
        caught = failure(connect_to(server), deadline=before + 3)
        assert time.monotonic() - before < 10
    assert isinstance(caught, ServiceUnavailable)
    assert caught.why == "not now"


def test_what_the_server_said_goes_before_its_later_silence(connect_to: Connect) -> None:
    silent = lambda exchange: exchange.stopped.wait() and None  # noqa: E731
    with serve(answering(status(503, "not now"), silent)) as server:
        caught = failure(connect_to(server), deadline=time.monotonic() + 3)
    assert isinstance(caught, ServiceUnavailable)
    assert caught.why == "not now"


def test_a_reset_connection_is_tried_again(connect_to: Connect) -> None:
    with serve(answering(Exchange.reset)) as server:
        assert read(connect_to(server)).body == OK


def test_an_answer_cut_in_half_is_read_again_whole(connect_to: Connect) -> None:
    whole = {"items": list(range(5000))}
    with serve(
        answering(
            lambda exchange: exchange.send(200, whole, cut_to=0.5),
            lambda exchange: exchange.send(200, whole),
        )
    ) as server:
        assert read(connect_to(server)).body == whole


def test_a_chunked_answer_that_ends_early_is_read_again(connect_to: Connect) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(b'{"ok": ')
        exchange.cut()

    with serve(answering(cut)) as server:
        assert read(connect_to(server)).body == OK


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_server_that_stays_silent_is_a_timeout(
    connect_to: Connect, server_certificate: Certificate, is_tls: bool
) -> None:
    def stay_silent(exchange: Exchange) -> None:
        exchange.stopped.wait(30)

    with serve(stay_silent, server_certificate if is_tls else None) as server:
        before = time.monotonic()
        caught = failure(connect_to(server, options={"request_timeout_s": 0.3}))
        assert time.monotonic() - before < 10
    assert isinstance(caught, Timeout)


def test_a_server_that_never_shakes_hands_is_a_timeout(connect_to: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(f"https://127.0.0.1:{listener.getsockname()[1]}")
        caught = failure(connect_to(server, options={"request_timeout_s": 0.3}))
    assert isinstance(caught, Timeout)
    assert caught.why == f"{server.url} did not answer in time"


def test_an_answer_that_trickles_is_cut_off_at_the_deadline(connect_to: Connect) -> None:
    def trickle(exchange: Exchange) -> None:
        exchange.begin_chunks()
        while not exchange.stopped.wait(0.05):
            exchange.send_chunk(b" ")

    with serve(trickle) as server:
        before = time.monotonic()
        caught = failure(connect_to(server), deadline=before + 0.4)
        assert time.monotonic() - before < 10
    assert isinstance(caught, Timeout)


def test_a_deadline_that_has_passed_sends_nothing(connect_to: Connect) -> None:
    with serve(succeed) as server:
        assert isinstance(failure(connect_to(server), deadline=time.monotonic() - 1), Timeout)
        assert server.seen == []


def test_a_server_that_is_not_there_is_named_with_the_kernels_words(
    connect_to: Connect, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        server = Server(f"http://127.0.0.1:{free.getsockname()[1]}")
    before = time.monotonic()
    caught = failure(connect_to(server))
    assert time.monotonic() - before < 10
    assert isinstance(caught, ServiceUnavailable)
    assert caught.why == f"{server.url}: Connection refused"
    assert f"kubectl cluster-info --kubeconfig {tmp_path}/kubeconfig`" in caught.hint


def test_a_host_name_nobody_knows_is_said_so(connect_to: Connect) -> None:
    caught = failure(connect_to(Server("https://no-such-host.invalid:6443")))
    assert isinstance(caught, ServiceUnavailable)
    assert "no-such-host.invalid" in caught.why


def test_what_is_no_api_server_is_said_so(connect_to: Connect) -> None:
    with serve(lambda exchange: exchange.send(200, b"<html>log in here</html>")) as server:
        caught = failure(connect_to(server))
    assert isinstance(caught, ServiceUnavailable)
    assert "JSON" in caught.why


def test_a_redirect_is_not_followed_with_our_token(
    connect_to: Connect, server_certificate: Certificate
) -> None:
    with serve(succeed, server_certificate) as elsewhere:
        with serve(answering(status(302, Location=elsewhere.url)), server_certificate) as server:
            assert failure(connect_to(server, {"token": "secret"})).status == 302
        assert elsewhere.seen == []


def test_body_and_query_arrive_as_they_were_given(connect_to: Connect) -> None:
    with serve(succeed) as server:
        connect_to(server).request(
            "PATCH",
            "/api/v1/x",
            doing="patch x",
            query={"fieldManager": "a b&c"},
            body={"name": "ä"},
            content_type="application/merge-patch+json",
        )
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("PATCH", "/api/v1/x?fieldManager=a+b%26c")
    assert seen.headers["Content-Type"] == "application/merge-patch+json"
    assert seen.body.decode() == '{"name": "\\u00e4"}'


def test_an_object_can_be_asked_for_without_its_content(connect_to: Connect) -> None:
    with serve(succeed) as server:
        connect_to(server).request_all([Call("GET", "/x", "read x", accept=METADATA)])
    assert server.seen[0].headers["Accept"] == METADATA


def test_an_answer_has_the_servers_date(connect_to: Connect) -> None:
    with serve(succeed) as server:
        date = read(connect_to(server)).date
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 10


def test_the_path_of_the_server_stays_before_ours(connect_to: Connect) -> None:
    with serve(succeed) as server:
        read(connect_to(Server(f"{server.url}/k8s/clusters/c-1/")))
    assert server.seen[0].path == "/k8s/clusters/c-1/x"


def test_warnings_of_the_server_are_reported(connect_to: Connect) -> None:
    lines = '299 - "would violate \\"restricted\\""\n299 kube "second"'
    with serve(lambda exchange: exchange.send(200, OK, {"Warning": lines})) as server:
        assert read(connect_to(server)).warnings == ('would violate "restricted"', "second")


def test_connections_are_used_again(connect_to: Connect) -> None:
    with serve(succeed) as server:
        kube = connect_to(server)
        for _ in range(5):
            read(kube)
        assert len(server.connections) == 1


def test_only_a_deletion_may_be_answered_with_nothing(connect_to: Connect) -> None:
    with serve(lambda exchange: exchange.send(200, b"")) as server:
        kube = connect_to(server)
        assert kube.request("DELETE", "/x", doing="delete x").body == {}
        with pytest.raises(ServiceUnavailable, match="is not JSON"):
            kube.request("GET", "/x", doing="read x")


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_an_answer_is_an_object(connect_to: Connect, body: object) -> None:
    serving = serve(lambda exchange: exchange.send(200, body))
    with serving as server, pytest.raises(ServiceUnavailable, match="is not a JSON object"):
        connect_to(server).request("GET", "/x", doing="read x")


@pytest.mark.parametrize("body", [{}, {"metadata": None}, {"metadata": []}])
def test_a_map_that_is_missing_in_an_answer_is_named(body: dict[str, Any]) -> None:
    assert Response(200, {"metadata": {"a": 1}}).read_map("metadata") == {"a": 1}
    with pytest.raises(ServiceUnavailable, match="it has no metadata"):
        Response(200, body).read_map("metadata")


@pytest.mark.parametrize("metadata", [{}, {"uid": None}, {"uid": ""}, {"uid": 1}])
def test_an_object_without_uid_is_no_answer(metadata: dict[str, object]) -> None:
    assert Response(200, {"metadata": {"uid": "a-1"}}).read_uid() == "a-1"
    with pytest.raises(ServiceUnavailable, match="invalid response") as raised:
        Response(200, {"metadata": metadata}).read_uid()
    assert raised.value.why == "it has no metadata.uid"


def test_parallel_answers_and_errors_keep_the_order_of_the_calls(connect_to: Connect) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.path == "/7":
            exchange.send(404, {"message": "no seven"})
        else:
            exchange.send(200, {"path": exchange.path})

    with serve(answer) as server:
        calls = [Call("GET", f"/{n}", f"read {n}") for n in range(40)]
        answers = connect_to(server).request_all(calls)
    assert isinstance(answers[7], NotFound)
    assert [a.body["path"] for a in answers if isinstance(a, Response)] == [
        f"/{n}" for n in range(40) if n != 7
    ]


def test_sixteen_requests_are_under_way_at_once_and_no_more(connect_to: Connect) -> None:
    together = threading.Barrier(16)

    def answer(exchange: Exchange) -> None:
        together.wait(10)
        succeed(exchange)

    with serve(answer) as server:
        calls = [Call("GET", "/x", "read x") for _ in range(32)]
        answers = connect_to(server).request_all(calls)
        assert len(server.connections) == 16
    assert all(isinstance(answer, Response) for answer in answers)


def test_no_calls_give_no_answers(connect_to: Connect) -> None:
    assert connect_to(Server("http://127.0.0.1:1")).request_all([]) == []


def test_a_server_that_is_restarted_is_waited_for(connect_to: Connect) -> None:
    """Once it has answered; one that never did is reported at once."""
    with serve(succeed) as server:
        kube = connect_to(server)
        read(kube)
    before = time.monotonic()
    failure(kube, deadline=before + 0.6)
    assert time.monotonic() - before > 0.2
