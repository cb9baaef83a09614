"""Choice of the HTTP proxy: a kubeconfig's `proxy-url`, else HTTPS_PROXY and NO_PROXY, as kubectl.

The rules of the environment are those of golang.org/x/net/http/httpproxy. Pure.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kubectl_snapshot.clients.auth.headers import basic_login
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping


SCHEMES = ("http", "https", "socks5")
SOCKS_PORT = 1080


@dataclass(frozen=True)
class Proxy:
    """An HTTP or SOCKS5 proxy; `url` has no login."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """Return the Proxy-Authorization header, "" without a login."""
        if not (self.username or self.password):
            return ""
        return basic_login(self.username, self.password)

    @property
    def is_socks(self) -> bool:
        """Return whether it is a SOCKS5 proxy."""
        return self.url.startswith("socks5")

    @property
    def host(self) -> str:
        """Return the name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Return the port of a SOCKS5 proxy."""
        return urlsplit(self.url).port or SOCKS_PORT


def choose_proxy(server: str, proxy_url: str, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server, None for a direct connection; InvalidRequest for a bad URL."""
    scheme = server.partition("://")[0].lower()
    if proxy_url:
        return parse_proxy(proxy_url, SCHEMES)
    from_env = _either(env, f"{scheme}_proxy")
    if not from_env or is_bypassed(server, _either(env, "no_proxy")):
        return None
    text = from_env if "://" in from_env else f"http://{from_env}"
    return parse_proxy(text, (*SCHEMES, "socks5h"))


def parse_proxy(text: str, schemes: tuple[str, ...] = SCHEMES) -> Proxy:
    """Return the proxy of a URL."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise InvalidRequest(
            "invalid proxy URL: it has no host", hint="write it as http://HOST:PORT"
        )
    if parts.scheme not in schemes:
        raise InvalidRequest(
            f"unsupported proxy scheme {parts.scheme}",
            why=f"the proxy is {parts.scheme}://{host}",
            hint=f"use one of {', '.join(SCHEMES)}",
        )
    address = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{address}" + (f":{port}" if port else "")
    return Proxy(url, unquote(parts.username or ""), unquote(parts.password or ""))


def is_bypassed(server: str, no_proxy: str) -> bool:
    """Return whether the connection is direct: NO_PROXY lists the server, or it is local."""
    parts = urlsplit(server)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _ip_address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_matches(entry, host, port, address) for entry in entries if entry)


def _matches(entry: str, host: str, port: int, address: _Address | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, _, entry_port = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
    if entry.startswith("[") and "]" in entry:
        name, _, entry_port = entry[1:].partition("]")
    if entry_port.lstrip(":") not in ("", str(port)):
        return False
    listed = _ip_address(name)
    if listed is not None or address is not None:
        return listed == address
    if name.startswith("*."):
        name = name[1:]
    return host.endswith(name) if name.startswith(".") else ("." + host).endswith("." + name)


def _ip_address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _either(env: Mapping[str, str], name: str) -> str:
    return env.get(name.upper()) or env.get(name) or ""


if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from typing import Union

    _Address = Union[IPv4Address, IPv6Address]
