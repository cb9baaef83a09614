"""Cases: the `oidc` auth-provider; what the issuer gets and the kubeconfig keeps is compared."""

from __future__ import annotations

from typing import Any

from tests.kubectl_parity.case import Case, config
from tests.kubectl_parity.cases_network import PLAIN
from tests.kubectl_parity.world import (
    FAR_FUTURE,
    OLD_ID_TOKEN,
    REFRESH_TOKEN,
    encode_id_token,
)
from tests.servers.oidc_issuer import CLIENT

OPAQUE = "kubectl refuses an ID token that is no JWT; ours asks the issuer for another"
RENEWED = "kubectl keeps an OpenID Connect token that the server refuses; ours renews it once"
VALID = encode_id_token("valid", FAR_FUTURE)


def oidc(name: str, user: dict[str, Any] | None = None, exit_code: int = 0, **more: Any) -> Case:
    """A case with these keys in the provider's config; None removes one."""
    changes = {key.replace("_", "-"): more.pop(key) for key in list(more) if key in KEYS}
    keys = {
        "client-id": CLIENT[0],
        "client-secret": CLIENT[1],
        "id-token": OLD_ID_TOKEN,
        "idp-certificate-authority": "@PKI@/ca.crt",
        "idp-issuer-url": "@ISSUER@",
        "refresh-token": REFRESH_TOKEN,
        **changes,
    }
    present = {key: value for key, value in keys.items() if value is not None}
    provider = {"auth-provider": {"name": "oidc", "config": present}}
    kubeconfig = config({**provider, **(user or {})}, more.pop("cluster", None))
    return Case(name, kubeconfig, exit_code=exit_code, **more)


KEYS = (
    *("client_id", "client_secret", "id_token", "refresh_token"),
    *("idp_issuer_url", "idp_certificate_authority"),
)

CASES = (
    oidc("oidc-valid", id_token=VALID),
    oidc("oidc-expired"),
    oidc("oidc-namespaced", is_namespaced=True),
    oidc("oidc-without-id-token", id_token=None),
    oidc("oidc-id-token-is-no-jwt", id_token="opaque", difference=OPAQUE),
    oidc("oidc-used-refresh-token", refresh_token="refresh-0", exit_code=4),
    oidc("oidc-without-refresh-token", refresh_token=None, exit_code=4),
    oidc("oidc-wrong-secret", client_secret="wrong", exit_code=4),
    oidc("oidc-issuer-is-down", idp_issuer_url="https://127.0.0.1:1", exit_code=6),
    oidc("oidc-issuer-with-slash", idp_issuer_url="@ISSUER@/"),
    oidc("oidc-issuer-not-trusted", idp_certificate_authority=None, exit_code=6),
    oidc("oidc-without-issuer", id_token=VALID, idp_issuer_url=None, exit_code=2),
    oidc("oidc-without-client", id_token=VALID, client_id=None, exit_code=2),
    oidc("oidc-beside-token", {"token": "t"}),
    oidc("oidc-beside-basic", {"username": "ann", "password": "s"}),
    oidc("oidc-impersonation", {"as": "eve"}),
    oidc("oidc-flag-token", flags=("--token", "flag")),
    oidc("oidc-refused", id_token=VALID, refused=(f"Bearer {VALID}",), difference=RENEWED),
    oidc("oidc-on-plain-http", cluster=PLAIN),
)
