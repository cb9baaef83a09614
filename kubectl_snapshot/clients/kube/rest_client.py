"""The REST client of the `kubernetes` package, and what the exceptions of a request mean.

The only importer of kubernetes and urllib3 (docs/adr/0033-kubernetes-as-the-transport.md). They
take 100 ms to import: import this module inside the function that sends the first request.
"""

from __future__ import annotations

import http.client
import ssl
import warnings
from typing import TYPE_CHECKING, Any

if not ssl.OPENSSL_VERSION.startswith("OpenSSL "):
    # Apple's Python has LibreSSL: what we use works, and urllib3's warning helps no user.
    warnings.filterwarnings("ignore", message="urllib3 v2 only supports OpenSSL")

import urllib3
from kubernetes.client.exceptions import ApiException as ApiException
from kubernetes.client.rest import RESTClientObject
from urllib3 import HTTPHeaderDict as HTTPHeaderDict
from urllib3 import exceptions

from kubectl_snapshot.clients.kube.connections import build_pool_classes
from kubectl_snapshot.clients.kube.connections import deadline as deadline
from kubectl_snapshot.clients.kube.connections import lift_deadline as lift_deadline
from kubectl_snapshot.errors import InvalidRequest, ServiceUnavailable, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl_snapshot.clients.auth.proxy import Proxy
    from kubectl_snapshot.errors import SnapshotError

# More than run at a time: urllib3 discards, with a warning, the connections above it.
POOL_SIZE = 64

# Whether a failed request is sent again: always, only to a server that has answered before (it is
# being restarted), or never.
ALWAYS, IF_ANSWERED, NEVER = "always", "if answered", "never"
# Exception class -> our error, retry. The first row wins whose class is in the chain of causes.
NETWORK_ERRORS: tuple[tuple[type[BaseException], type[SnapshotError], str], ...] = (
    (exceptions.LocationValueError, InvalidRequest, NEVER),
    (http.client.InvalidURL, InvalidRequest, NEVER),
    (exceptions.NameResolutionError, ServiceUnavailable, NEVER),
    (exceptions.NewConnectionError, ServiceUnavailable, IF_ANSWERED),
    (exceptions.TimeoutError, Timeout, NEVER),
    # urllib3 has one class for a handshake that the server refuses and one that it cuts.
    (ssl.SSLEOFError, ServiceUnavailable, ALWAYS),
    (exceptions.SSLError, ServiceUnavailable, NEVER),
    (exceptions.ProxyError, ServiceUnavailable, IF_ANSWERED),
    (http.client.RemoteDisconnected, ServiceUnavailable, ALWAYS),
    (http.client.BadStatusLine, ServiceUnavailable, NEVER),
    (exceptions.ProtocolError, ServiceUnavailable, ALWAYS),
    (exceptions.HTTPError, ServiceUnavailable, NEVER),
    (ApiException, ServiceUnavailable, NEVER),
)
REQUEST_FAILURES = (ApiException, exceptions.HTTPError)


class _DirectManager(urllib3.PoolManager):
    """A PoolManager that parses the URL of a server once, and follows no redirect."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pools: dict[str, Any] = {}

    def urlopen(  # type: ignore[override]  # HTTPResponse
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> Any:
        base, path = split_url(url)
        pool = self._pools.get(base) or self._pools.setdefault(base, self._open_pool(base))
        # As urllib3's own: the pool is that of the URL.
        options.update(assert_same_host=False, redirect=False)
        return pool.urlopen(method, path, **options)

    def _open_pool(self, base: str) -> Any:
        scheme, _, server = base.partition("://")
        host, _, port = server.partition(":")
        if scheme == "https" and port.isdecimal() and host.replace(".", "").isalnum():
            # urllib3's pattern for a server takes 3 ms to compile.
            return self.connection_from_host(host, int(port), scheme)
        return self.connection_from_url(base)


def split_url(url: str) -> tuple[str, str]:
    """Return the scheme and server of a URL, and the rest, which begins with `/`."""
    end = url.find("/", url.find("://") + 3)
    return (url, "/") if end < 0 else (url[:end], url[end:])


class RestClient(RESTClientObject):  # type: ignore[misc]  # the package has no types
    """The package's REST client with one TLS context for all connections, and without retries.

    Its own constructor takes file names only, and trusts certifi's CAs instead of the system's.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        tls_server_name: str = "",
    ) -> None:
        if context is not None and not context.check_hostname:
            # The user asked for it: no warning on stderr for each request.
            urllib3.disable_warnings(exceptions.InsecureRequestWarning)
        pool_options: dict[str, Any] = {
            "maxsize": POOL_SIZE,
            "retries": False,  # ours are bounded in time
            "ssl_context": context,
            "server_hostname": tls_server_name or None,
        }
        socks = proxy if proxy is not None and proxy.is_socks else None
        if proxy is None or socks:
            self.pool_manager: urllib3.PoolManager = _DirectManager(**pool_options)
            self.pool_manager.pool_classes_by_scheme = build_pool_classes(socks)
            return
        login = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
        self.pool_manager = urllib3.ProxyManager(
            proxy.url,
            proxy_headers=login,
            proxy_ssl_context=context,  # as kubectl: the cluster's CA has to sign the proxy, too
            **pool_options,
        )
        self.pool_manager.pool_classes_by_scheme = build_pool_classes(None)


def classify_failure(error: BaseException) -> tuple[type[SnapshotError], str]:
    """Return our error class for a request that got no answer, and when to retry it."""
    chain = list(iterate_causes(error))
    for foreign, ours, retry in NETWORK_ERRORS:
        if any(isinstance(cause, foreign) for cause in chain):
            return ours, retry
    return ServiceUnavailable, NEVER


def is_proxy_failure(error: BaseException) -> bool:
    """Return whether the proxy failed, rather than the server behind it."""
    return any(isinstance(cause, exceptions.ProxyError) for cause in iterate_causes(error))


def iterate_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, the root cause last.

    urllib3 puts some causes into the arguments; RESTClientObject raises an ApiException of status
    0 while it handles an SSLError.
    """
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inside = [arg for arg in cause.args if isinstance(arg, BaseException)]
        handled = cause.__context__ if isinstance(cause, ApiException) else None
        cause = cause.__cause__ or (inside[0] if inside else handled)
