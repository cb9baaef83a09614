"""The servers, proxies and certificates of the suite, and the log of what reached them."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import certificates
from tests.servers.certificates import Certificate
from tests.servers.connect_proxy import Proxy, serve_proxy
from tests.servers.h2_server import serve_h2
from tests.servers.http_server import Exchange, serve
from tests.servers.oidc_issuer import Issuer, serve_issuer
from tests.servers.socks_proxy import serve_socks

VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"}
REFRESH_TOKEN = "refresh-1"


def encode_id_token(name: str, expires_at: int) -> str:
    """Return a JWT with an expiry; nobody checks its signature."""
    parts = ({"alg": "RS256"}, {"sub": name, "exp": expires_at})
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join([*(text.rstrip("=") for text in texts), "signature"])


FAR_FUTURE = 4_102_444_800  # 2100-01-01
OLD_ID_TOKEN, NEW_ID_TOKEN = encode_id_token("old", 1), encode_id_token("new", FAR_FUTURE)
IMPERSONATION = "impersonate-"
# What only the proxies can resolve; no proxy of the environment is used for a loopback address.
HERE = {"api.example.org": "127.0.0.1"}


@dataclass(frozen=True)
class Sight:
    """What a server saw of one request: where it went, who it was from."""

    server: str
    prefix: str  # of the path, before that of the API
    sni: str
    certificate: str  # common name of the client's
    authorization: str
    impersonation: tuple[tuple[str, str], ...]
    proxy: str
    namespace: str


@dataclass
class World:
    """Running servers; `names` are the placeholders of kubeconfigs, flags and variables."""

    pki: Path
    names: dict[str, str] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)  # Authorization headers that get a 401
    issuer: Issuer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, text: str) -> str:
        """Replace each `@NAME@` in a text."""
        for name, value in self.names.items():
            text = text.replace(f"@{name}@", value)
        return text

    def clear(self) -> None:
        self.sights.clear()
        self.refused.clear()
        if self.issuer:
            self.issuer.refresh_token = REFRESH_TOKEN
            self.issuer.forms.clear()
        for proxy in self.proxies.values():
            proxy.targets.clear()

    def spent_tokens(self) -> tuple[str, ...]:
        """Return the refresh tokens that the issuer was given, in order, each once.

        kubectl asks twice where the first way to authenticate the client fails (Go's oauth2).
        """
        forms = self.issuer.forms if self.issuer else []
        return tuple(dict.fromkeys(form["refresh_token"] for form in forms))

    def used_proxy(self) -> str:
        return "+".join(name for name, proxy in self.proxies.items() if proxy.targets)


@contextmanager
def run_world(directory: Path) -> Iterator[World]:
    """Run all servers of the suite until the end of the context."""
    world = World(directory)
    authority = certificates.make_authority(directory)
    good = certificates.sign(authority, directory, "server", "/CN=server")
    named = "subjectAltName=DNS:api.example.org"
    far = certificates.sign(authority, directory, "far", "/CN=far", named)
    expired = certificates.sign_expired(authority, directory)
    other = certificates.make_authority(directory, "other")
    stranger = certificates.sign(other, directory, "stranger", "/CN=stranger")
    usage = "extendedKeyUsage=clientAuth"
    for name in ("ann", "bob"):
        certificates.sign(authority, directory, name, f"/CN={name}", usage)
    with ExitStack() as stack:
        served = {"TLS": good, "FAR": far, "EXPIRED": expired, "STRANGER": stranger, "PLAIN": None}
        for name, certificate in served.items():
            url = stack.enter_context(_serve_api(world, name, certificate))
            world.names[name] = url
            world.names[f"{name}_PORT"] = url.rpartition(":")[2]
        old = _serve_api(world, "HTTP_1_0", good, "HTTP/1.0")
        world.names["HTTP_1_0"] = stack.enter_context(old)
        plain_sight = Sight("HTTP_2", "", "", "", "", (), "", "")
        new = serve_h2(good, VERSION, lambda: world.sights.append(plain_sight))
        world.names["HTTP_2"] = stack.enter_context(new)
        world.issuer = stack.enter_context(serve_issuer(good, lambda: NEW_ID_TOKEN))
        world.names["ISSUER"] = world.issuer.url
        for name, proxy in _start_proxies(stack, good).items():
            world.proxies[name] = proxy
            world.names[name] = proxy.url
            world.names[f"{name}_ADDRESS"] = proxy.url.partition("://")[2]
        authority_pem = authority.certificate.read_text()
        world.names["CA_DATA"] = base64.b64encode(authority_pem.encode()).decode()
        world.names["CA"] = authority_pem
        world.names["PKI"] = str(directory)
        yield world


def _start_proxies(stack: ExitStack, certificate: Certificate) -> dict[str, Proxy]:
    return {
        "PROXY": stack.enter_context(serve_proxy()),
        "NAME_PROXY": stack.enter_context(serve_proxy(hosts=HERE)),
        "NAME_SOCKS": stack.enter_context(serve_socks(hosts=HERE)),
        "OTHER_PROXY": stack.enter_context(serve_proxy()),
        "LOGIN_PROXY": stack.enter_context(serve_proxy("ann:p@ss")),
        "TLS_PROXY": stack.enter_context(serve_proxy(certificate=certificate)),
        "SOCKS": stack.enter_context(serve_socks()),
        "LOGIN_SOCKS": stack.enter_context(serve_socks("ann:p@ss")),
    }


@contextmanager
def _serve_api(
    world: World, name: str, certificate: Certificate | None, protocol: str = "HTTP/1.1"
) -> Iterator[str]:
    names: dict[object, str] = {}
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        context.load_verify_locations(world.pki / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.sni_callback = lambda connection, sni, _: names.update({connection: sni or ""})

    def answer(exchange: Exchange) -> None:
        with world.lock:
            world.sights.append(_see(world, name, exchange, names))
        _answer(world, exchange)

    with serve(answer, context=context, protocol=protocol) as server:
        yield server.url


def _see(world: World, name: str, exchange: Exchange, names: Mapping[object, str]) -> Sight:
    path = exchange.path.partition("?")[0]
    known = [path.find(mark) for mark in ("/version", "/api", "/redirect") if mark in path]
    _, _, after = path.partition("/namespaces/")
    connection = exchange.connection
    subject = exchange.peer_certificate().get("subject", ()) if name != "PLAIN" else ()
    headers = [(key.lower(), value) for key, value in exchange.headers.items()]
    return Sight(
        server=name,
        prefix=path[: min(known)] if known else path,
        sni=names.get(connection, ""),
        certificate=dict(pair for part in subject for pair in part).get("commonName", ""),
        authorization=exchange.headers.get("Authorization") or "",
        impersonation=tuple(sorted(h for h in headers if h[0].startswith(IMPERSONATION))),
        proxy=world.used_proxy(),
        namespace=after.partition("/")[0],
    )


def _answer(world: World, exchange: Exchange) -> None:
    path = exchange.path.partition("?")[0]
    if exchange.headers.get("Authorization") in world.refused:
        exchange.send(401, {"kind": "Status", "code": 401, "message": "Unauthorized"})
    elif "/redirect-here" in path:
        exchange.send(302, b"", {"Location": f"{world.names['TLS']}/version"})
    elif "/redirect" in path:
        exchange.send(302, b"", {"Location": f"{world.names['STRANGER']}/version"})
    elif path.endswith("/version"):
        exchange.send(200, VERSION)
    elif path.endswith("/token"):
        kind = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
        exchange.send(201, {**kind, "status": {"token": "new"}})
    else:
        exchange.send(200, {"kind": "List", "metadata": {}, "items": []})
