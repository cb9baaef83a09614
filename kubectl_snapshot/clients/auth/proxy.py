"""Choice of the HTTP proxy: a kubeconfig's `proxy-url`, else HTTPS_PROXY and NO_PROXY, as kubectl.

The rules of the environment are those of golang.org/x/net/http/httpproxy. Pure.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kubectl_snapshot.clients.auth.headers import basic_login
from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy; `authorization` is its Proxy-Authorization header, "" without a login."""

    url: str
    authorization: str = field(default="", repr=False)


def choose_proxy(server: str, proxy_url: str, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server, None for a direct connection; InvalidRequest for SOCKS."""
    scheme = server.partition("://")[0].lower()
    if proxy_url:
        return parse_proxy(proxy_url)
    from_env = _either(env, f"{scheme}_proxy")
    if not from_env or is_bypassed(server, _either(env, "no_proxy")):
        return None
    return parse_proxy(from_env)


def parse_proxy(text: str) -> Proxy:
    """Return the proxy of a URL; the default scheme is http."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise InvalidRequest(
            "invalid proxy URL: it has no host", hint="write it as http://HOST:PORT"
        )
    if parts.scheme not in ("http", "https"):
        raise InvalidRequest(
            f"unsupported proxy scheme {parts.scheme}",
            why=f"the proxy is {parts.scheme}://{host}",
            hint="use an http or https proxy, or `kubectl proxy` and --server",
        )
    authorization = ""
    if parts.username is not None:
        authorization = basic_login(unquote(parts.username), unquote(parts.password or ""))
    address = f"[{host}]" if ":" in host else host
    return Proxy(f"{parts.scheme}://{address}" + (f":{port}" if port else ""), authorization)


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
