"""An OpenID Connect issuer with discovery and a token endpoint that refreshes."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.certificates import Certificate
from tests.servers.http_server import Exchange, serve

CLIENT = ("snapshot-client", "a secret: with / signs")


@dataclass
class Issuer:
    """A running issuer. A refresh token is valid once; the response has the next one."""

    url: str
    refresh_token: str = "refresh-1"
    forms: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serve_issuer(
    certificate: Certificate, make_id_token: Callable[[], str], *methods: str
) -> Iterator[Issuer]:
    """Run an issuer; `methods` are its token_endpoint_auth_methods_supported."""

    def answer(exchange: Exchange) -> None:
        if exchange.path == "/.well-known/openid-configuration":
            document: dict[str, object] = {"token_endpoint": f"{issuer.url}/token"}
            if methods:
                document["token_endpoint_auth_methods_supported"] = list(methods)
            exchange.send(200, document)
            return
        form = dict(urllib.parse.parse_qsl(exchange.body.decode()))
        issuer.forms.append(form)
        if not _is_client(exchange, form, methods or ("client_secret_basic",)):
            exchange.send(401, {"error": "invalid_client"})
        elif form.get("refresh_token") != issuer.refresh_token:
            exchange.send(400, {"error": "invalid_grant", "error_description": "token is used up"})
        else:
            issuer.refresh_token = f"{issuer.refresh_token}+"
            tokens = {"id_token": make_id_token(), "refresh_token": issuer.refresh_token}
            exchange.send(200, {**tokens, "access_token": "unused", "token_type": "Bearer"})

    with serve(answer, certificate) as server:
        issuer = Issuer(server.url)
        yield issuer


def _is_client(exchange: Exchange, form: dict[str, str], methods: tuple[str, ...]) -> bool:
    """Return whether the request authenticates the client by the first supported method."""
    if methods[0] == "client_secret_post":
        return (form.get("client_id"), form.get("client_secret")) == CLIENT
    pair = ":".join(map(urllib.parse.quote_plus, CLIENT))
    expected = "Basic " + base64.b64encode(pair.encode()).decode()
    return exchange.headers.get("Authorization") == expected
