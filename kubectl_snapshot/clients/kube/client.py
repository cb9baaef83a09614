"""Client of one Kubernetes API server: requests, lists, watches and streams of raw JSON.

`transport` sends one request; this module adds deadlines, retries, pages and errors. Foreign
exceptions end here.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot.clients.auth.access import ConnectionOptions as ConnectionOptions
from kubectl_snapshot.clients.auth.access import read_access, render_kubectl
from kubectl_snapshot.clients.kube import errors as kube_errors
from kubectl_snapshot.clients.kube import watch as kube_watch
from kubectl_snapshot.clients.kube.calls import JSON as JSON
from kubectl_snapshot.clients.kube.calls import METADATA as METADATA
from kubectl_snapshot.clients.kube.calls import METADATA_LIST as METADATA_LIST
from kubectl_snapshot.clients.kube.calls import TEXT as TEXT
from kubectl_snapshot.clients.kube.calls import Call as Call
from kubectl_snapshot.clients.kube.calls import Response as Response
from kubectl_snapshot.clients.kube.calls import (
    parse_date,
    parse_retry_after,
    parse_warnings,
    retry,
    run_parallel,
)
from kubectl_snapshot.clients.kube.errors import Retryable
from kubectl_snapshot.clients.kube.stream import READ_BYTES, read_body, set_keepalive
from kubectl_snapshot.clients.kube.stream import Stream as Stream
from kubectl_snapshot.clients.kube.transport import ApiClientTransport, KubeconfigTransport
from kubectl_snapshot.clients.kube.watch import WatchEvent as WatchEvent
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.auth.access import Access
    from kubectl_snapshot.clients.kube.transport import ApiClient, Transport

REQUEST_TIMEOUT_S = 30.0
RETRIED_STATUSES = frozenset((429, 500, 502, 503, 504))
THROTTLED = frozenset((429,))


def connect(options: ConnectionOptions, env: Mapping[str, str]) -> Kube:
    """Return a client for the cluster of flags, kubeconfig or pod; contacts nothing yet.

    Raises NotFound (no cluster configured, unknown context) and InvalidRequest (broken kubeconfig).
    """
    return connect_access(read_access(options, env), env)


def connect_access(access: Access, env: Mapping[str, str]) -> Kube:
    """Return a client for a selected cluster and user; contacts nothing yet."""
    timeout_s = access.options.request_timeout_s or REQUEST_TIMEOUT_S
    return Kube(
        KubeconfigTransport(access, timeout_s, env),
        timeout_s,
        access.options,
        context=access.context,
        user=str(access.user.get("as") or access.user_name),
        namespace=access.namespace,
    )


def use_api_client(api_client: ApiClient, options: ConnectionOptions) -> Kube:
    """Return a client that sends through the caller's kubernetes.client.ApiClient.

    Of `options` only namespace and timeout are used, and all flags for commands in hints.
    """
    return Kube(
        ApiClientTransport(api_client),
        options.request_timeout_s or REQUEST_TIMEOUT_S,
        options,
        user=str(api_client.default_headers.get("Impersonate-User") or ""),
        namespace=options.namespace or "default",
    )


class Kube:
    """One user of one API server. Its methods may be called from any thread."""

    def __init__(
        self,
        transport: Transport,
        timeout_s: float,
        options: ConnectionOptions,
        *,
        context: str = "",
        user: str = "",
        namespace: str = "default",
    ) -> None:
        self.server = transport.server
        self.context = context
        self.user = user  # the impersonated one, where there is one; "" if unknown
        self.namespace = namespace
        self._transport = transport
        self._timeout_s = timeout_s
        self._options = options
        self._has_answered = False
        self._last_date = ("", 0.0)

    def now(self) -> float:
        """Return the API server's time in seconds since the epoch: what it wrote is of its clock.

        From the Date header of its last answer; without any, this machine's time.
        """
        date, read_at = self._last_date
        server_time = parse_date(date)
        return time.time() if server_time is None else server_time + time.monotonic() - read_at

    def request(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        deadline: float | None = None,
    ) -> Response:
        """Return the response of one request; `doing` completes "cannot …" in its errors.

        429, 5xx, write conflicts and cut connections are retried with the server's Retry-After or
        backoff, for at most 15 s and never past `deadline` (time.monotonic()); 429 until
        `deadline`, where there is one. A retried POST may conflict with its own object: that is
        the server's 409.
        """
        return self._request(Call(method, path, doing, query, body, content_type, deadline))

    def send(self, call: Call) -> Response:
        """Return the response of one call; retries and errors as in `request`."""
        return self._request(call)

    def request_all(self, calls: Sequence[Call]) -> list[Response | SnapshotError]:
        """Return the response or the error of each call, in their order; at most 16 in parallel."""
        return run_parallel(self._request, calls, self._transport.max_parallel)

    def list_items(
        self,
        path: str,
        *,
        doing: str,
        query: Mapping[str, str] | None = None,
        deadline: float | None = None,
        page_size: int = kube_watch.PAGE_SIZE,
        accept: str = JSON,
    ) -> Iterator[dict[str, Any]]:
        """Yield each item of a list once, a page per request; `accept` is another form of it.

        One page is held in memory: pass a smaller `page_size` for large objects. When the list's
        version expires (410), the remaining pages are of a newer version.
        """
        read_page = self._page_reader(path, doing, query, deadline, accept)
        for page in kube_watch.list_pages(read_page, doing, page_size):
            yield from page.get("items") or ()

    def watch(
        self,
        path: str,
        *,
        doing: str,
        stop: threading.Event,
        query: Mapping[str, str] | None = None,
        lists_first: bool = True,
        lasts_s: int = kube_watch.WATCH_S,
    ) -> Iterator[WatchEvent]:
        """Yield existing objects and then every change until `stop` is set; reconnect when cut.

        First each object as ADDED, then one SYNC, then changes as they happen. Without
        `lists_first` there is no SYNC and one request less. Each watch lasts `lasts_s`. When events
        were lost, the list is read again: new objects come as ADDED, changed ones as MODIFIED,
        missing ones as DELETED (with name, labels and annotations only), then a SYNC. Raises what a
        retry cannot fix (Unauthorized, NotFound, InvalidRequest), and a failure of the first list.
        """

        def open_watch(position: dict[str, str], silence_s: float) -> Stream:
            return self._open_stream(
                Call("GET", path, doing, {**(query or {}), **position}, is_stream=True), silence_s
            )

        read_page = self._page_reader(path, doing, query, None)
        return kube_watch.watch_events(read_page, open_watch, doing, stop, lists_first, lasts_s)

    def open_stream(
        self, path: str, *, doing: str, query: Mapping[str, str] | None = None
    ) -> Stream:
        """Return a response whose body is read as it arrives.

        The timeout ends with the headers; TCP keepalive detects a dead server after that. Only 429
        is retried.
        """
        return self._open_stream(Call("GET", path, doing, query, is_stream=True), None)

    def render_kubectl(self, command: str) -> str:
        """Return a kubectl command for the same server and user, in backquotes."""
        return render_kubectl(command, self._options)

    def _page_reader(
        self,
        path: str,
        doing: str,
        query: Mapping[str, str] | None,
        deadline: float | None,
        accept: str = JSON,
    ) -> Callable[[dict[str, str]], dict[str, Any]]:
        def read_page(position: dict[str, str]) -> dict[str, Any]:
            call = Call(
                "GET", path, doing, {**(query or {}), **position}, deadline=deadline, accept=accept
            )
            response = self._request(call, accepted=frozenset((kube_watch.GONE,)))
            if response.status == kube_watch.GONE and isinstance(response.body, dict):
                return {**response.body, "kind": "Status"}
            if not isinstance(response.body, dict) or "items" not in response.body:
                raise ServiceUnavailable(f"cannot {doing}", why="the response is not a list")
            return response.body

        return read_page

    def _request(self, call: Call, accepted: frozenset[int] = frozenset()) -> Response:
        return retry(lambda: self._request_once(call, accepted), call.deadline)

    def _request_once(self, call: Call, accepted: frozenset[int]) -> Response:
        from kubectl_snapshot.clients.kube.rest_client import ApiException

        end = time.monotonic() + self._timeout_s
        if call.deadline is not None:
            end = min(end, call.deadline)
        with self._translate_errors(call, RETRIED_STATUSES):
            try:
                response = self._send(call, end)
            except ApiException as refusal:
                if refusal.status not in accepted:
                    raise
                return Response(refusal.status, self._parse_body(call, refusal.body))
            self._has_answered = True
            data = read_body(response, call.doing, end)
        warnings = parse_warnings(response.headers.getlist("Warning"))
        date = response.headers.get("Date") or ""
        self._last_date = (date, time.monotonic()) if date else self._last_date
        return Response(response.status, self._parse_body(call, data), warnings, date)

    def _open_stream(self, call: Call, silence_s: float | None) -> Stream:
        from kubectl_snapshot.clients.kube.rest_client import lift_deadline

        response = retry(lambda: self._open_once(call), None)
        sock = getattr(response.connection, "sock", None)
        if sock is not None:
            sock.settimeout(silence_s)
            set_keepalive(sock)
        lift_deadline(response, silence_s)

        def read() -> bytes:
            with self._translate_errors(call, frozenset(), is_retried=False):
                return bytes(response.read1(READ_BYTES))

        return Stream(response, sock, read)

    def _open_once(self, call: Call) -> Any:
        with self._translate_errors(call, THROTTLED):
            response = self._send(call, time.monotonic() + self._timeout_s)
        self._has_answered = True
        return response

    def _send(self, call: Call, end: float) -> Any:
        """Send and trace a request; bodies are never traced, they may have secrets."""
        trace = self._options.trace
        if trace is None:
            return self._transport.send(call, end)
        from kubectl_snapshot.clients.kube.rest_client import ApiException

        began, outcome = time.monotonic(), "no answer"
        answer: Any = None
        query = "&".join(f"{name}={value}" for name, value in (call.query or {}).items())
        try:
            answer = self._transport.send(call, end)
            outcome = str(answer.status)
            return answer
        except ApiException as refusal:
            answer, outcome = refusal, str(refusal.status or outcome)
            raise
        finally:
            elapsed_ms = round((time.monotonic() - began) * 1000)
            url = f"{self.server}{call.path}{'?' if query else ''}{query}"
            answered = getattr(answer, "headers", None) or {}
            trace(call.method, url, outcome, elapsed_ms, call.headers(), answered.items())

    def _parse_body(self, call: Call, data: bytes) -> Any:
        if call.accept == TEXT or (not data and call.method == "DELETE"):
            return {}
        cause: BaseException | None = None
        kind = "a JSON object"  # which all answers of an API server are
        try:
            body = json.loads(data)
            if isinstance(body, dict):
                return body
        except (ValueError, RecursionError) as error:
            kind, cause = "JSON", error
        raise ServiceUnavailable(
            f"cannot {call.doing}",
            why=f"the response of {self.server} is not {kind}",
            hint="check the cluster's server in the kubeconfig, and any proxy before it",
        ) from cause

    @contextmanager
    def _translate_errors(
        self, call: Call, retried: frozenset[int], is_retried: bool = True
    ) -> Iterator[None]:
        """Raise ours, or Retryable with it, for the exceptions of kubernetes and urllib3."""
        from kubectl_snapshot.clients.kube import rest_client

        try:
            yield
        except rest_client.REQUEST_FAILURES as error:
            if isinstance(error, rest_client.ApiException) and error.status:
                self._has_answered = True
                raise self._build_refusal(call, error, retried) from error
            ours, when = rest_client.classify_failure(error)
            is_proxy = rest_client.is_proxy_failure(error) and self._transport.proxy_url
            place = f"the proxy {self._transport.proxy_url}" if is_proxy else self.server
            *_, root = rest_client.iterate_causes(error)
            translated = kube_errors.build_network_error(
                ours, call.doing, place, root, self.render_kubectl
            )
            if kube_errors.is_tls_alert(root):
                translated = kube_errors.explain_login(translated, self._describe_certificate())
            is_worth_it = when == rest_client.ALWAYS or (
                when == rest_client.IF_ANSWERED and self._has_answered
            )
            if is_retried and is_worth_it:
                raise Retryable(translated) from error
            raise translated from error

    def _build_refusal(
        self, call: Call, refusal: Any, retried: frozenset[int]
    ) -> Retryable | SnapshotError:
        """Return the error for an ApiException with a status."""
        status, body = refusal.status, refusal.body or b""
        data = body if isinstance(body, bytes) else str(body).encode()
        hint = kube_errors.build_hint(status, self.render_kubectl)
        error = kube_errors.build_answer_error(call.doing, status, data, hint)
        headers = refusal.headers or {}
        if status == 401:
            date = headers.get("Date") or ""
            self._last_date = (date, time.monotonic()) if date else self._last_date
            error = kube_errors.explain_login(error, self._describe_certificate())
        if kube_errors.is_write_conflict(call.method, status, data):
            return Retryable(kube_errors.WriteConflict(error.what, error.why, status=status))
        if status not in retried:
            return error
        return Retryable(error, parse_retry_after(headers.get("Retry-After"), time.time()))

    def _describe_certificate(self) -> str:
        """Return that the client certificate is not valid by the server's clock, else ""."""
        # Late: only a refused login needs it.
        from kubectl_snapshot.clients.auth.certificate import describe_validity

        return describe_validity(self._transport.certificate, self.now())
