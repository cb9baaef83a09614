"""How one request is sent, and as which user: by a kubeconfig, or by the caller's own ApiClient.

Both send through RESTClientObject.request of the `kubernetes` package and raise its ApiException
for every status from 300 on.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from kubectl_snapshot import __version__
from kubectl_snapshot.clients.auth.access import strip_login
from kubectl_snapshot.clients.auth.credentials import Credential, share_credentials
from kubectl_snapshot.clients.auth.headers import basic_login, impersonation_headers
from kubectl_snapshot.clients.auth.kubeconfig import read_secret
from kubectl_snapshot.clients.auth.proxy import choose_proxy
from kubectl_snapshot.clients.auth.tls import build_tls_context
from kubectl_snapshot.clients.kube.calls import MAX_PARALLEL
from kubectl_snapshot.clients.kube.errors import build_network_error
from kubectl_snapshot.clients.kube.stream import read_body
from kubectl_snapshot.errors import InvalidRequest, Timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubectl_snapshot.clients.auth.access import Access
    from kubectl_snapshot.clients.auth.oidc import Fetch
    from kubectl_snapshot.clients.kube.calls import Call
    from kubectl_snapshot.clients.kube.rest_client import RestClient

# The name under which the package's generated API classes ask for the bearer token.
AUTH_SETTINGS = ["BearerToken"]


class Transport(Protocol):
    """Sends requests to one API server as one user; for any thread."""

    server: str
    proxy_url: str
    max_parallel: int

    @property
    def certificate(self) -> bytes:
        """Return the client certificate (PEM) that was sent, empty without one."""

    def send(self, call: Call, end: float) -> Any:
        """Return the unread urllib3 response of a success; `end` is in time.monotonic().

        Raises ApiException (refusals, TLS), urllib3's HTTPError (no answer) and SnapshotError (no
        credential, `end` has passed).
        """


class ApiClient(Protocol):
    """What is used of a kubernetes.client.ApiClient."""

    configuration: Any
    default_headers: dict[str, Any]

    def call_api(self, resource_path: str, method: str, **options: Any) -> Any: ...


class ApiClientTransport:
    """The caller's own ApiClient: its pool, TLS, proxy, login, refresh hook and default headers.

    Its `configuration.retries` apply to each request before ours, each with the full timeout.
    """

    def __init__(self, api_client: ApiClient) -> None:
        configuration = api_client.configuration
        self.server = strip_login(configuration.host)
        self.proxy_url = strip_login(configuration.proxy or "")
        # urllib3 logs a warning for each connection above this number.
        self.max_parallel = min(MAX_PARALLEL, configuration.connection_pool_maxsize or 1)
        self._api_client = api_client

    @property
    def certificate(self) -> bytes:
        """Return no certificate: the caller's configuration has it."""
        return b""

    def send(self, call: Call, end: float) -> Any:
        timeout_s = remaining_s(call, end)
        return self._api_client.call_api(
            call.path,
            call.method,
            query_params=list((call.query or {}).items()),
            header_params=dict(call.headers()),
            body=call.body,
            auth_settings=AUTH_SETTINGS,
            _return_http_data_only=True,
            _preload_content=False,
            # A single float would be ignored.
            _request_timeout=(timeout_s, timeout_s),
        )


class KubeconfigTransport:
    """One cluster and user of a kubeconfig, by the rules of client-go."""

    def __init__(self, access: Access, timeout_s: float, env: Mapping[str, str]) -> None:
        self.server = parse_server(access.cluster)
        self.max_parallel = MAX_PARALLEL
        self._cluster = access.cluster
        self._timeout_s = timeout_s
        self._env = env
        self._proxy = choose_proxy(self.server, access.cluster.get("proxy-url", ""), env)
        self.proxy_url = self._proxy.url if self._proxy else ""
        self._is_tls = self.server.startswith("https://")
        self._login = parse_server_login(access.cluster)
        # As kubectl: no login is read for a connection that others can read.
        self._credentials = (
            share_credentials(access, self._fetch_until, env) if self._is_tls else None
        )
        self._impersonation = impersonation_headers(access.user)
        self._lock = threading.Lock()
        self._rest_client: RestClient | None = None
        self._certificate: tuple[bytes, bytes] | None = None

    @property
    def certificate(self) -> bytes:
        """Return the client certificate of the last request."""
        return self._certificate[0] if self._certificate else b""

    def send(self, call: Call, end: float) -> Any:
        """Send as Transport.send says; after a 401 once more with a renewed credential."""
        from kubectl_snapshot.clients.kube.rest_client import ApiException

        if self._credentials is None:
            return self._send_as(Credential(), call, end)
        began = time.monotonic()
        credential = self._credentials.current(call.deadline)
        try:
            return self._send_as(credential, call, _postpone(end, began, call))
        except ApiException as refusal:
            if refusal.status != 401:
                raise
            began = time.monotonic()
            renewed = self._credentials.renew(credential, call.deadline)
            if renewed == credential:
                raise
        return self._send_as(renewed, call, _postpone(end, began, call))

    def _send_as(self, credential: Credential, call: Call, end: float) -> Any:
        from kubectl_snapshot.clients.kube.rest_client import deadline

        rest_client = self._rest_client_for(credential)
        timeout_s = remaining_s(call, end)
        with deadline(end):
            return rest_client.request(
                call.method,
                self.server + call.path,
                query_params=call.query,
                headers=self._headers(credential, call),
                body=call.body,
                _preload_content=False,
                # A single float would be ignored.
                _request_timeout=(timeout_s, timeout_s),
            )

    def _headers(self, credential: Credential, call: Call) -> Any:
        from kubectl_snapshot.clients.kube.rest_client import HTTPHeaderDict

        headers = HTTPHeaderDict()
        for name, value in call.headers():
            if name != "Accept-Encoding" or not self._cluster.get("disable-compression"):
                headers[name] = value
        headers["User-Agent"] = f"kubectl-snapshot/{__version__}"
        authorization = self._login or credential.authorization
        if authorization:
            headers["Authorization"] = authorization
        for name, value in self._impersonation:
            headers.add(name, value)
        return headers

    def _rest_client_for(self, credential: Credential) -> RestClient:
        """Return the REST client whose connections show the credential's certificate."""
        from kubectl_snapshot.clients.kube.rest_client import RestClient

        certificate = (credential.certificate, credential.key)
        with self._lock:
            if self._rest_client is None or certificate != self._certificate:
                cluster = self._cluster
                context = None
                if self._is_tls:
                    authority = read_secret(cluster, "certificate-authority", "the cluster")
                    is_verified = not cluster.get("insecure-skip-tls-verify")
                    if authority and not is_verified:
                        raise InvalidRequest(
                            "the cluster has a certificate-authority and insecure-skip-tls-verify",
                            hint="remove one of the two",
                        )
                    context = build_tls_context(authority, *certificate, is_verified=is_verified)
                name = cluster.get("tls-server-name", "")
                self._rest_client = RestClient(context, self._proxy, name)
                self._certificate = certificate
            return self._rest_client

    def _fetch_until(self, deadline: float | None) -> Fetch:
        return lambda *request: self._fetch(deadline, *request)

    def _fetch(
        self,
        deadline: float | None,
        url: str,
        headers: dict[str, str],
        form: dict[str, str] | None,
        authority: bytes,
    ) -> tuple[int, bytes]:
        """Return status and body of a request to an OIDC issuer; a form makes it a POST."""
        from kubectl_snapshot.clients.kube import rest_client

        end = time.monotonic() + self._timeout_s
        end = end if deadline is None else min(end, deadline)
        proxy = choose_proxy(url, "", self._env)
        client = rest_client.RestClient(build_tls_context(authority), proxy)
        method = "GET" if form is None else "POST"
        timeout_s = max(end - time.monotonic(), 0.001)
        try:
            with rest_client.deadline(end):
                answer = client.request(
                    method,
                    url,
                    headers=headers,
                    post_params=form,
                    _preload_content=False,
                    _request_timeout=(timeout_s, timeout_s),
                )
            return answer.status, read_body(answer, "renew the login", end)
        except rest_client.REQUEST_FAILURES as error:
            if isinstance(error, rest_client.ApiException) and error.status:
                return error.status, error.body or b""
            ours, _ = rest_client.classify_failure(error)
            root = list(rest_client.iterate_causes(error))[-1]
            raise build_network_error(ours, "renew the login", url, root) from error


def remaining_s(call: Call, end: float) -> float:
    """Return the seconds until `end`; raises Timeout where none are left."""
    timeout_s = end - time.monotonic()
    if timeout_s <= 0:
        raise Timeout(f"cannot {call.doing}", why="the deadline has passed")
    return timeout_s


def _postpone(end: float, began: float, call: Call) -> float:
    """Return a request's end, put off by the time that reading the credential took.

    A login in a browser may take minutes; only the call's own deadline limits it.
    """
    postponed = end + (time.monotonic() - began)
    return postponed if call.deadline is None else min(postponed, call.deadline)


def parse_server_login(cluster: Mapping[str, Any]) -> str:
    """Return the Authorization value of a login in the server's URL, which wins; "" without."""
    text = str(cluster.get("server") or "")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
    except ValueError:
        return ""  # parse_server refuses it
    if not (parts.username or parts.password):
        return ""
    return basic_login(unquote(parts.username or ""), unquote(parts.password or ""))


def parse_server(cluster: Mapping[str, Any]) -> str:
    """Return a cluster's base URL without a login and a slash at its end; raises InvalidRequest.

    Without a scheme it is http, also where the cluster has a CA (client-go's ClientConfig).
    """
    text = cluster["server"]
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or re.search(r"\s", text):
        raise InvalidRequest(
            "invalid server URL of the cluster",
            why=f"{text.rpartition('@')[2]!r} is not an http or https URL",
            hint="write it as https://HOST:PORT",
        )
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
