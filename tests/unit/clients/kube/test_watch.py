"""Lists, watches and streams on the wire: in pages, resumed, closed from another thread."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_snapshot.clients.kube import watch
from kubectl_snapshot.clients.kube.client import Kube, Stream, WatchEvent
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError, Unauthorized
from tests.servers.certificates import Certificate
from tests.servers.connect_proxy import serve_proxy
from tests.servers.http_server import Exchange, serve

Connect = Callable[..., Kube]
DEADLINE_S = 10.0


def item(name: str, version: int = 1) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version)}}


def page(*items: dict[str, Any], version: int = 10, more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def gone(token: str = "") -> dict[str, Any]:
    metadata = {"continue": token} if token else {}
    return {"kind": "Status", "code": 410, "message": "too old", "metadata": metadata}


def query_of(exchange: Exchange) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs(urlsplit(exchange.path).query).items()}


class Script:
    """Answers lists with the given pages in turn, watches with the given functions in turn.

    When there is no watch left, the next one stays open and silent.
    """

    def __init__(self, *lists: Any, watches: list[Callable[[Exchange], None]]) -> None:
        self.lists = list(lists)
        self.watches = watches
        self.watch_versions: list[str] = []

    def __call__(self, exchange: Exchange) -> None:
        query = query_of(exchange)
        if "watch" not in query:
            reported = self.lists.pop(0)
            exchange.send(reported.get("code", 200), reported)
            return
        self.watch_versions.append(query.get("resourceVersion", "none"))
        if self.watches:
            self.watches.pop(0)(exchange)
        else:
            exchange.begin_chunks()
            exchange.stopped.wait(DEADLINE_S)


def sending(*events: tuple[str, Any], then: str = "end") -> Callable[[Exchange], None]:
    def watch(exchange: Exchange) -> None:
        exchange.begin_chunks()
        for kind, reported in events:
            exchange.send_event(kind, reported)
        if then == "end":
            exchange.send_chunk(b"")
        elif then == "reset":
            exchange.reset()
        elif then == "half a line":
            exchange.send_chunk(b'{"type": "MODIF')
            exchange.cut()

    return watch


def take_until(kube: Kube, count: int, lists_first: bool = True) -> list[tuple[str, str]]:
    """Return the first events of a watch as (type, name or version)."""
    stop = threading.Event()
    guard = threading.Timer(DEADLINE_S, stop.set)
    guard.start()
    taken = []
    try:
        events = kube.watch("/pods", doing="watch pods", stop=stop, lists_first=lists_first)
        for event in events:
            taken.append((event.type, event.object.get("metadata", {}).get("name", "")))
            if len(taken) == count:
                stop.set()
    finally:
        guard.cancel()
    return taken


def test_a_list_is_read_page_by_page(connect_to: Connect) -> None:
    pages = [page(item("a"), item("b"), more="next"), page(item("c"))]
    with serve(Script(*pages, watches=[])) as server:
        items = connect_to(server).list_items("/pods", doing="list pods", query={"x": "y"})
        assert [i["metadata"]["name"] for i in items] == ["a", "b", "c"]
        asked = [query_of(exchange) for exchange in server.seen]
    assert asked == [{"x": "y", "limit": "500"}, {"x": "y", "limit": "500", "continue": "next"}]


def test_a_caller_chooses_how_much_of_a_list_is_in_memory(connect_to: Connect) -> None:
    with serve(Script(page(item("a")), watches=[])) as server:
        list(connect_to(server).list_items("/pods", doing="list pods", page_size=20))
        assert [query_of(exchange) for exchange in server.seen] == [{"limit": "20"}]


def test_a_page_is_asked_for_when_the_one_before_is_used_up(connect_to: Connect) -> None:
    with serve(Script(page(item("a"), more="next"), page(item("b")), watches=[])) as server:
        items = connect_to(server).list_items("/pods", doing="list pods")
        next(items)
        assert len(server.seen) == 1


def test_an_expired_list_goes_on_with_the_token_of_the_refusal(connect_to: Connect) -> None:
    pages = [page(item("a"), more="old"), gone("fresh"), page(item("b"), version=20)]
    with serve(Script(*pages, watches=[])) as server:
        items = connect_to(server).list_items("/pods", doing="list pods")
        assert [i["metadata"]["name"] for i in items] == ["a", "b"]
        assert query_of(server.seen[-1])["continue"] == "fresh"


def test_an_expired_list_without_a_token_is_an_error_and_no_short_list(connect_to: Connect) -> None:
    script = Script(page(item("a"), more="old"), gone(), watches=[])
    with serve(script) as server, pytest.raises(SnapshotError) as caught:
        list(connect_to(server).list_items("/pods", doing="list pods"))
    assert caught.value.status == 410


def test_a_list_that_repeats_its_token_does_not_go_on_for_ever(connect_to: Connect) -> None:
    serving = serve(lambda exchange: exchange.send(200, page(item("a"), more="same")))
    with serving as server, pytest.raises(ServiceUnavailable, match="does not end"):
        list(connect_to(server).list_items("/pods", doing="list pods"))


def test_a_list_with_a_new_token_each_time_does_not_go_on_for_ever(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAX_PAGES", 3)
    count = itertools.count()
    with serve(lambda exchange: exchange.send(200, page(more=str(next(count))))) as server:
        with pytest.raises(ServiceUnavailable, match="does not end"):
            list(connect_to(server).list_items("/pods", doing="list pods"))
        assert len(server.seen) == 3


def test_a_watch_that_repeats_an_event_tells_it_once(connect_to: Connect) -> None:
    again = [("MODIFIED", item("a", 11))] * 3
    end = ("DELETED", item("a", 12))
    script = Script(page(item("a")), watches=[sending(*again, end, then="")])
    with serve(script) as server:
        events = take_until(connect_to(server), 4)
    assert events == [("ADDED", "a"), ("SYNC", ""), ("MODIFIED", "a"), ("DELETED", "a")]


def test_an_event_without_an_end_is_not_kept_in_memory(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAX_EVENT_BYTES", 1000)

    def flood(exchange: Exchange) -> None:
        exchange.begin_chunks()
        with contextlib.suppress(OSError):
            while not exchange.stopped.is_set():
                exchange.send_chunk(b"x" * 600)

    script = Script(page(), watches=[flood, sending(("ADDED", item("a")))])
    with serve(script) as server:
        assert take_until(connect_to(server), 2) == [("SYNC", ""), ("ADDED", "a")]


@pytest.mark.parametrize("answer", [[], {}, {"kind": "Status", "message": "?"}, "items"])
def test_what_is_no_list_is_an_error_and_no_empty_list(connect_to: Connect, answer: Any) -> None:
    serving = serve(lambda exchange: exchange.send(200, answer))
    with serving as server, pytest.raises(ServiceUnavailable):
        list(connect_to(server).list_items("/pods", doing="list pods"))


def test_a_list_may_have_no_items(connect_to: Connect) -> None:
    with serve(lambda exchange: exchange.send(200, {"items": None})) as server:
        assert list(connect_to(server).list_items("/pods", doing="list pods")) == []


def test_a_watch_tells_what_is_there_then_sync_then_changes(connect_to: Connect) -> None:
    script = Script(
        page(item("a"), more="next"),
        page(item("b")),
        watches=[sending(("MODIFIED", item("a", 11)), ("DELETED", item("b", 12)), then="")],
    )
    with serve(script) as server:
        events = take_until(connect_to(server), 5)
    assert events == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("SYNC", ""),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
    ]


def test_a_deletion_is_told_with_the_version_before_and_the_object_forgotten(
    connect_to: Connect,
) -> None:
    # An API server without the newer version repeats the old one; an object may come again.
    again = (("DELETED", item("a")), ("ADDED", item("a")))
    script = Script(page(item("a")), watches=[sending(*again, then="")])
    with serve(script) as server:
        events = take_until(connect_to(server), 4)
    assert events == [("ADDED", "a"), ("SYNC", ""), ("DELETED", "a"), ("ADDED", "a")]


def test_a_watch_without_a_list_begins_at_no_version_and_goes_on_at_the_last(
    connect_to: Connect,
) -> None:
    script = Script(watches=[sending(("ADDED", item("a", 11))), sending(("ADDED", item("b", 12)))])
    with serve(script) as server:
        events = take_until(connect_to(server), 2, lists_first=False)
    assert events == [("ADDED", "a"), ("ADDED", "b")]
    assert script.watch_versions[:2] == ["none", "11"]


@pytest.mark.parametrize(
    "first",
    [sending(then="end"), sending(then="reset"), lambda e: e.send(503, {})],
    ids=["empty", "reset", "refused"],
)
def test_a_watch_without_a_list_that_told_nothing_lists_then(
    connect_to: Connect, first: Callable[[Exchange], None]
) -> None:
    script = Script(page(item("a")), watches=[first])
    with serve(script) as server:
        events = take_until(connect_to(server), 2, lists_first=False)
    assert events == [("ADDED", "a"), ("SYNC", "")]
    assert script.watch_versions[0] == "none"


def test_a_watch_without_a_list_raises_what_no_retry_mends(connect_to: Connect) -> None:
    script = Script(watches=[lambda exchange: exchange.send(401, {"message": "who?"})])
    with serve(script) as server, pytest.raises(Unauthorized):
        take_until(connect_to(server), 1, lists_first=False)


@pytest.mark.parametrize("end", ["end", "reset", "half a line"])
def test_a_watch_that_ends_is_resumed_where_it_was(connect_to: Connect, end: str) -> None:
    script = Script(
        page(version=10),
        watches=[sending(("ADDED", item("a", 11)), then=end), sending(("ADDED", item("b", 12)))],
    )
    with serve(script) as server:
        events = take_until(connect_to(server), 3)
    assert events == [("SYNC", ""), ("ADDED", "a"), ("ADDED", "b")]
    assert script.watch_versions[:2] == ["10", "11"]


def test_a_bookmark_moves_the_watch_on_and_is_not_reported(connect_to: Connect) -> None:
    bookmark = {"metadata": {"resourceVersion": "99"}}
    script = Script(
        page(), watches=[sending(("BOOKMARK", bookmark)), sending(("ADDED", item("a", 100)))]
    )
    with serve(script) as server:
        assert take_until(connect_to(server), 2) == [("SYNC", ""), ("ADDED", "a")]
    assert script.watch_versions[:2] == ["10", "99"]


@pytest.mark.parametrize(
    "expire",
    [lambda exchange: exchange.send(410, gone()), sending(("ERROR", gone()))],
    ids=["refused", "event"],
)
def test_after_a_gap_the_watch_tells_only_the_differences(
    connect_to: Connect, expire: Callable[[Exchange], None]
) -> None:
    script = Script(
        page(item("gone"), item("same"), item("changed")),
        page(item("same"), item("changed", 15), item("new"), version=20),
        watches=[expire, sending(("ADDED", item("last", 21)))],
    )
    with serve(script) as server:
        events = take_until(connect_to(server), 9)
    assert events == [
        ("ADDED", "gone"),
        ("ADDED", "same"),
        ("ADDED", "changed"),
        ("SYNC", ""),
        ("MODIFIED", "changed"),
        ("ADDED", "new"),
        ("DELETED", "gone"),
        ("SYNC", ""),
        ("ADDED", "last"),
    ]
    assert script.watch_versions[:2] == ["10", "20"]


def test_a_watch_outlives_a_server_that_fails_for_a_while(connect_to: Connect) -> None:
    def fail(exchange: Exchange) -> None:
        exchange.send(503, {"message": "starting"})

    script = Script(page(), watches=[fail, fail, sending(("ADDED", item("a")))])
    with serve(script) as server:
        assert take_until(connect_to(server), 2) == [("SYNC", ""), ("ADDED", "a")]


def test_the_pauses_before_a_server_that_ends_every_watch_at_once_grow(
    connect_to: Connect,
) -> None:
    stop = threading.Event()
    arrivals: list[float] = []

    def end(exchange: Exchange) -> None:
        arrivals.append(time.monotonic())
        sending()(exchange)
        if len(arrivals) == 3:
            stop.set()

    with serve(Script(page(), watches=[end] * 3)) as server:
        list(connect_to(server).watch("/pods", doing="watch pods", stop=stop))
    assert arrivals[1] - arrivals[0] >= 0.1
    assert arrivals[2] - arrivals[1] >= 0.5


def test_a_watch_event_that_is_no_event_is_read_again(connect_to: Connect) -> None:
    def garble(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(b'{"type": "ADDED", "object": []}\n')

    script = Script(page(), watches=[garble, sending(("ADDED", item("a")))])
    with serve(script) as server:
        assert take_until(connect_to(server), 2) == [("SYNC", ""), ("ADDED", "a")]


def test_a_watch_that_is_forbidden_is_raised(connect_to: Connect) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.send(403, {"message": "pods is forbidden"})

    with serve(Script(page(), watches=[refuse])) as server, pytest.raises(Unauthorized):
        take_until(connect_to(server), 9)


def test_a_first_list_that_fails_is_raised(connect_to: Connect) -> None:
    script = Script({"code": 403, "message": "pods is forbidden"}, watches=[])
    with serve(script) as server, pytest.raises(Unauthorized):
        take_until(connect_to(server), 9)


@pytest.mark.parametrize("is_tls", [False, True])
def test_stop_ends_a_silent_watch_at_once(
    connect_to: Connect, server_certificate: Certificate, is_tls: bool
) -> None:
    stop = threading.Event()
    ended_at: list[float] = []

    def watch() -> None:
        for event in kube.watch("/pods", doing="watch pods", stop=stop):
            if event == WatchEvent("SYNC", {}):
                in_sync.set()
        ended_at.append(time.monotonic())

    in_sync = threading.Event()
    with serve(Script(page(), watches=[]), server_certificate if is_tls else None) as server:
        kube = connect_to(server)
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        assert in_sync.wait(DEADLINE_S)
        stopped_at = time.monotonic()
        stop.set()
        thread.join(DEADLINE_S)
    assert ended_at[0] - stopped_at < DEADLINE_S


@contextmanager
def streaming(
    connect_to: Connect,
    certificate: Certificate | None,
    answer: Callable[[Exchange], None],
    proxy_url: str = "",
) -> Iterator[Stream]:
    with serve(answer, certificate) as server:
        kube = connect_to(server, cluster={"proxy-url": proxy_url})
        stream = kube.open_stream("/log", doing="read the log")
        try:
            yield stream
        finally:
            stream.close()


def test_a_stream_gives_each_piece_as_it_arrives(connect_to: Connect) -> None:
    read_first = threading.Event()

    def answer(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(b"first\n")
        assert read_first.wait(DEADLINE_S)
        exchange.send_chunk(b"second\n")
        exchange.send_chunk(b"")

    with streaming(connect_to, None, answer) as stream:
        pieces = iter(stream)
        assert next(pieces) == b"first\n"
        read_first.set()
        assert list(pieces) == [b"second\n"]


@pytest.mark.parametrize("way", ["http", "https", "https in a proxy's https"])
def test_closing_a_stream_frees_its_reader(
    connect_to: Connect, server_certificate: Certificate, way: str
) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(b"first")
        exchange.stopped.wait(DEADLINE_S)

    pieces: list[bytes] = []
    has_read = threading.Event()

    def read() -> None:
        for piece in stream:
            pieces.append(piece)
            has_read.set()

    certificate = None if way == "http" else server_certificate
    is_proxied = way.endswith("proxy's https")
    with (
        serve_proxy(certificate=server_certificate) as proxy,
        streaming(connect_to, certificate, answer, proxy.url if is_proxied else "") as stream,
    ):
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        assert has_read.wait(DEADLINE_S)
        before = time.monotonic()
        stream.close()
        reader.join(DEADLINE_S)
        assert time.monotonic() - before < DEADLINE_S / 2
    assert pieces == [b"first"]


@pytest.mark.parametrize("end", [Exchange.cut, Exchange.reset])
def test_a_stream_that_is_cut_is_not_taken_for_one_that_ended(
    connect_to: Connect, end: Callable[[Exchange], None]
) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.send_chunk(b"first")
        end(exchange)

    with streaming(connect_to, None, answer) as stream, pytest.raises(ServiceUnavailable):
        list(stream)


def test_a_stream_without_content_ends_at_once(connect_to: Connect) -> None:
    with streaming(connect_to, None, lambda exchange: exchange.send(204, b"")) as stream:
        assert (stream.status, list(stream)) == (204, [])


def test_a_refused_stream_says_why_and_is_not_tried_again(connect_to: Connect) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.send(500, {"message": "Get https://10.0.0.1:10250: connection refused"})

    with serve(refuse) as server:
        with pytest.raises(ServiceUnavailable) as caught:
            connect_to(server).open_stream("/log", doing="read the log")
        assert len(server.seen) == 1
    assert (caught.value.status, caught.value.what) == (500, "cannot read the log")
    assert "10250: connection refused" in caught.value.why


@pytest.mark.parametrize(("lasts_s", "silence_s"), [(50, 65.0), (600, 75.0)])
def test_the_longest_silence_is_that_before_the_end_or_before_a_bookmark(
    lasts_s: int, silence_s: float
) -> None:
    asked: list[tuple[str, float]] = []

    def open_watch(query: dict[str, str], silence: float) -> Stream:
        asked.append((query["timeoutSeconds"], silence))
        raise Unauthorized("that is enough")

    with pytest.raises(Unauthorized):
        list(
            watch.watch_events(
                lambda query: page(), open_watch, "watch", threading.Event(), True, lasts_s
            )
        )
    assert asked == [(str(lasts_s), silence_s)]
