"""The only way to a Kubernetes API server: requests, lists, watches and streams of raw JSON.

The `kubernetes` package gives the connection pool (docs/adr/0002-kubernetes-package.md); it and
urllib3 are imported here alone, and late. Foreign exceptions become ours here. What an object means
is not known here.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

from kubectl_snapshot import __version__
from kubectl_snapshot.clients.auth.credentials import Credentials, read_secret
from kubectl_snapshot.clients.auth.kubeconfig import ConnectionOptions as ConnectionOptions
from kubectl_snapshot.clients.auth.kubeconfig import read_access, render_kubectl
from kubectl_snapshot.clients.auth.proxy import choose_proxy
from kubectl_snapshot.clients.auth.tls import build_tls_context
from kubectl_snapshot.clients.kube import errors as kube_errors
from kubectl_snapshot.clients.kube import http
from kubectl_snapshot.clients.kube import watch as kube_watch
from kubectl_snapshot.clients.kube.calls import METADATA as METADATA
from kubectl_snapshot.clients.kube.calls import METADATA_LIST as METADATA_LIST
from kubectl_snapshot.clients.kube.calls import Call as Call
from kubectl_snapshot.clients.kube.calls import Response as Response
from kubectl_snapshot.clients.kube.calls import retry, run_parallel
from kubectl_snapshot.clients.kube.errors import Retryable
from kubectl_snapshot.clients.kube.stream import Stream as Stream
from kubectl_snapshot.clients.kube.stream import socket_options
from kubectl_snapshot.clients.kube.watch import WatchEvent as WatchEvent
from kubectl_snapshot.errors import ServiceUnavailable, SnapshotError, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kubectl_snapshot.clients.auth.credentials import Credential
    from kubectl_snapshot.clients.auth.kubeconfig import Access
    from kubectl_snapshot.clients.auth.proxy import Proxy

REQUEST_TIMEOUT_S = 30.0
RETRIED_STATUSES = frozenset((429, 500, 502, 503, 504))
THROTTLED = frozenset((429,))
# More than run at a time: urllib3 throws away, with a warning, the connections above it.
POOL_SIZE = 64
READ_BYTES = 65536


def connect(options: ConnectionOptions, env: Mapping[str, str]) -> Kube:
    """Return a client for the cluster that flags, kubeconfig or pod name; contacts nothing yet.

    Raises NotFound (no cluster configured, unknown context) and InvalidRequest (broken kubeconfig).
    """
    return Kube(read_access(options, env), options.request_timeout_s or REQUEST_TIMEOUT_S, env)


class Kube:
    """One user of one API server. Its methods may be called from any thread."""

    def __init__(self, access: Access, timeout_s: float, env: Mapping[str, str]) -> None:
        self.context = access.context
        # Whose rights count.
        self.user = str(access.user.get("as") or access.user_name)
        self.namespace = access.namespace
        self.server = http.parse_server(access.cluster)
        self._cluster = access.cluster
        self._options = access.options
        self._timeout_s = timeout_s
        self._env = env
        self._proxy = choose_proxy(self.server, access.cluster.get("proxy-url", ""), env)
        self._credentials = Credentials(access, self._fetch, env)
        self._impersonation = http.impersonation_headers(access.user)
        self._lock = threading.Lock()
        self._pool: Any = None
        self._pool_certificate: tuple[bytes, bytes] | None = None
        self._has_answered = False

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
        """Return the answer of success to one request; `doing` begins its errors ("cannot …").

        Throttling, 5xx and cut connections are retried, with the server's Retry-After or a growing
        pause, for at most 15 s and never past `deadline` (time.monotonic()); throttling up to the
        `deadline`, where there is one. A repeated POST may meet its own object: that is the
        server's 409.
        """
        return self._request(Call(method, path, doing, query, body, content_type, deadline))

    def request_all(self, calls: Sequence[Call]) -> list[Response | SnapshotError]:
        """Return the answer or the error of each call, in their order; at most 16 run at a time."""
        return run_parallel(self._request, calls)

    def list_items(
        self,
        path: str,
        *,
        doing: str,
        query: Mapping[str, str] | None = None,
        deadline: float | None = None,
        page_size: int = kube_watch.PAGE_SIZE,
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, a page a request, none twice.

        One page is held in memory: where objects may be large, ask for fewer at a time.
        Where the server forgets the list's version meanwhile (410), the rest is of a newer version:
        what was made or deleted since may be there or not.
        """
        read_page = self._page_reader(path, doing, query, deadline)
        for page in kube_watch.list_pages(read_page, doing, page_size):
            yield from page.get("items") or ()

    def watch(
        self,
        path: str,
        *,
        doing: str,
        stop: threading.Event,
        query: Mapping[str, str] | None = None,
    ) -> Iterator[WatchEvent]:
        """Yield what there is and every change to it until `stop` is set; mends what breaks.

        First each object as ADDED, then one SYNC, then the changes as they happen. After a gap that
        the server cannot fill the list is read again: new objects come as ADDED, changed ones as
        MODIFIED, vanished ones as DELETED (with their name, labels and annotations only), then a
        SYNC. Raises what does not mend (Unauthorized, NotFound, InvalidRequest), and any failure of
        the first list.
        """

        def open_watch(position: dict[str, str], silence_s: float) -> Stream:
            return self._open_stream(
                Call("GET", path, doing, {**(query or {}), **position}), silence_s
            )

        read_page = self._page_reader(path, doing, query, None)
        return kube_watch.watch_events(read_page, open_watch, doing, stop)

    def open_stream(
        self, path: str, *, doing: str, query: Mapping[str, str] | None = None
    ) -> Stream:
        """Return an answer of success to be read as it comes.

        Waits for its beginning as long as for any answer; then the server may be silent for ever
        (TCP keepalive notices a dead one). Refusals are not retried, but for throttling.
        """
        return self._open_stream(Call("GET", path, doing, query), None)

    def render_kubectl(self, command: str) -> str:
        """Return a kubectl command that reaches the same server as the same user, in backquotes."""
        return render_kubectl(command, self._options)

    def _page_reader(
        self, path: str, doing: str, query: Mapping[str, str] | None, deadline: float | None
    ) -> Callable[[dict[str, str]], dict[str, Any]]:
        def read_page(position: dict[str, str]) -> dict[str, Any]:
            call = Call("GET", path, doing, {**(query or {}), **position}, deadline=deadline)
            answer = self._request(call, accepted=frozenset((kube_watch.GONE,)))
            if answer.status == kube_watch.GONE and isinstance(answer.body, dict):
                return {**answer.body, "kind": "Status"}
            if not isinstance(answer.body, dict) or "items" not in answer.body:
                raise ServiceUnavailable(f"cannot {doing}", why="the answer is not a list")
            return answer.body

        return read_page

    def _request(self, call: Call, accepted: frozenset[int] = frozenset()) -> Response:
        return retry(lambda: self._request_once(call, accepted), call.deadline)

    def _request_once(self, call: Call, accepted: frozenset[int]) -> Response:
        end = time.monotonic() + self._timeout_s
        if call.deadline is not None:
            end = min(end, call.deadline)
        response = self._send(call, end)
        data = self._read_body(response, call.doing, end)
        if not 200 <= response.status < 300 and response.status not in accepted:
            self._refuse(call, response, data, RETRIED_STATUSES)
        warnings = http.parse_warnings(response.headers.getlist("Warning"))
        date = response.headers.get("Date") or ""
        return Response(response.status, self._parse_body(call, data), warnings, date)

    def _open_stream(self, call: Call, silence_s: float | None) -> Stream:
        response = retry(lambda: self._open_once(call), None)
        sock = getattr(response.connection, "sock", None)
        if sock is not None:
            sock.settimeout(silence_s)

        def read() -> bytes:
            try:
                return bytes(response.read1(READ_BYTES))
            except _network_failures() as error:
                raise self._translate(error, call.doing, self._place(error))[0] from error

        return Stream(response, sock, read)

    def _open_once(self, call: Call) -> Any:
        end = time.monotonic() + self._timeout_s
        response = self._send(call, end)
        if not 200 <= response.status < 300:
            data = self._read_body(response, call.doing, end)
            self._refuse(call, response, data, THROTTLED)
        return response

    def _send(self, call: Call, end: float) -> Any:
        """Return the answer, unread; a refused credential is renewed once."""
        credential = self._credentials.current()
        response = self._send_as(credential, call, end)
        if response.status == 401:
            renewed = self._credentials.renew(credential)
            if renewed != credential:
                response.close()
                response = self._send_as(renewed, call, end)
        self._has_answered = True
        return response

    def _send_as(self, credential: Credential, call: Call, end: float) -> Any:
        import urllib3

        timeout_s = end - time.monotonic()
        if timeout_s <= 0:
            raise Timeout(f"cannot {call.doing}", why="the deadline has passed")
        body = None if call.body is None else json.dumps(call.body).encode()
        try:
            return self._pool_for(credential).urlopen(
                call.method,
                self.server + http.with_query(call.path, call.query),
                body=body,
                headers=self._headers(credential, call),
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=timeout_s),
            )
        except _network_failures() as error:
            raise self._failure(error, call.doing) from error

    def _headers(self, credential: Credential, call: Call) -> Any:
        import urllib3

        headers = urllib3.HTTPHeaderDict()
        headers["Accept"] = call.accept
        headers["User-Agent"] = f"kubectl-snapshot/{__version__}"
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        # As kubectl: no secret goes over a connection that others can read.
        if credential.authorization and self.server.startswith("https://"):
            headers["Authorization"] = credential.authorization
        for name, value in self._impersonation:
            headers.add(name, value)
        return headers

    def _pool_for(self, credential: Credential) -> Any:
        """Return the connections that are made with a credential's certificate."""
        certificate = (credential.certificate, credential.key)
        with self._lock:
            if self._pool is None or certificate != self._pool_certificate:
                cluster = self._cluster
                context = None
                if self.server.startswith("https://"):
                    authority = read_secret(cluster, "certificate-authority", "the cluster")
                    is_verified = not cluster.get("insecure-skip-tls-verify")
                    context = build_tls_context(authority, *certificate, is_verified=is_verified)
                name = cluster.get("tls-server-name", "")
                self._pool = _open_pool(self.server, context, self._proxy, name)
                self._pool_certificate = certificate
            return self._pool

    def _fetch(
        self, url: str, headers: dict[str, str], form: bytes | None, authority: bytes
    ) -> tuple[int, bytes]:
        """Return status and body of a request to an OIDC issuer; a form makes it a POST."""
        pool = _open_pool(url, build_tls_context(authority), choose_proxy(url, "", self._env))
        method = "GET" if form is None else "POST"
        try:
            answer = pool.request(
                method, url, body=form, headers=headers, redirect=False, timeout=self._timeout_s
            )
        except _network_failures() as error:
            raise self._translate(error, "renew the login", url)[0] from error
        return answer.status, answer.data

    def _read_body(self, response: Any, doing: str, end: float) -> bytes:
        pieces: list[bytes] = []
        try:
            while True:
                piece = response.read1(READ_BYTES)
                if not piece:
                    return b"".join(pieces)
                pieces.append(piece)
                if time.monotonic() > end:
                    response.close()
                    raise Timeout(f"cannot {doing}", why="the answer did not end in time")
        except _network_failures() as error:
            raise self._failure(error, doing) from error

    def _parse_body(self, call: Call, data: bytes) -> Any:
        if not data:
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ServiceUnavailable(
                f"cannot {call.doing}",
                why=f"what answers at {self.server} does not speak JSON",
                hint="check the cluster's server in the kubeconfig, and any proxy before it",
            ) from error

    def _refuse(self, call: Call, response: Any, data: bytes, retried: frozenset[int]) -> None:
        """Raise the error for an answer that is no success."""
        status = response.status
        hint = kube_errors.build_hint(status, self.render_kubectl)
        error = kube_errors.build_answer_error(call.doing, status, data, hint)
        if status in retried:
            after = response.headers.get("Retry-After")
            raise Retryable(error, http.parse_retry_after(after, time.time()))
        raise error

    def _failure(self, error: BaseException, doing: str) -> Retryable | SnapshotError:
        """Return what a failed connection is to `_retried`."""
        translated, how = self._translate(error, doing, self._place(error))
        is_retryable = how == kube_errors.CUT or (how == kube_errors.REFUSED and self._has_answered)
        return Retryable(translated) if is_retryable else translated

    def _translate(self, error: BaseException, doing: str, place: str) -> tuple[SnapshotError, str]:
        return kube_errors.build_network_error(doing, place, error, self.render_kubectl)

    def _place(self, error: BaseException) -> str:
        """Return which end of the way failed."""
        import urllib3.exceptions

        is_proxy = self._proxy and isinstance(error, urllib3.exceptions.ProxyError)
        return f"the proxy {self._proxy.url}" if self._proxy and is_proxy else self.server


def _open_pool(server: str, context: Any, proxy: Proxy | None, tls_server_name: str = "") -> Any:
    """Return the connection pool of the kubernetes package's REST layer for one server."""
    from types import SimpleNamespace

    from kubernetes.client.rest import RESTClientObject

    proxy_headers = None
    if proxy and proxy.authorization:
        proxy_headers = {"Proxy-Authorization": proxy.authorization}
    is_verified = context is None or context.check_hostname
    if not is_verified:
        _silence_insecure_warning()
    # The fields that RESTClientObject reads. The package's own Configuration would also set log
    # levels and http.client's debug level for the whole process, and import multiprocessing.
    configuration = SimpleNamespace(
        host=server,
        verify_ssl=is_verified,
        ssl_ca_cert=None,
        cert_file=None,
        key_file=None,
        assert_hostname=None,
        tls_server_name=tls_server_name or None,
        proxy=proxy.url if proxy else None,
        proxy_headers=proxy_headers,
        no_proxy=None,
        # Our own retries are bounded in time.
        retries=False,
        connection_pool_maxsize=POOL_SIZE,
    )
    pool = RESTClientObject(configuration).pool_manager
    # One context for all connections: the CA is parsed once. Without `ca_certs` urllib3 adds no
    # others to the CAs that the context trusts.
    pool.connection_pool_kw.update(
        ssl_context=context, ca_certs=None, socket_options=socket_options()
    )
    if proxy:
        # As in kubectl, what the cluster trusts is what its proxy has to show.
        pool.connection_pool_kw["_proxy_config"] = pool.proxy_config._replace(ssl_context=context)
    return pool


def _silence_insecure_warning() -> None:
    """Keep urllib3 from telling on stderr what the user has asked for."""
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


def _network_failures() -> tuple[type[BaseException], ...]:
    from http.client import HTTPException

    import urllib3.exceptions

    return (urllib3.exceptions.HTTPError, HTTPException, OSError)
