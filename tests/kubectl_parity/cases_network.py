"""Cases: server URLs, TLS, proxies, redirects."""

from __future__ import annotations

import base64

from tests.kubectl_parity.case import HTTP_2, Case, config

INSECURE = {"insecure-skip-tls-verify": True, "certificate-authority": None}
PLAIN = {"server": "@PLAIN@", "certificate-authority": None}
# Go never sends requests for localhost and loopback addresses through a proxy of the environment.
NAMED = {"server": "https://api.example.org:@TLS_PORT@"}
UNREAD = "kubectl wants the files of a login that it does not use over plain http"
BAD_DATA = base64.b64encode(b"no certificate").decode()


def via(name: str, proxy: str, cluster: object = None, exit_code: int = 0, **more: object) -> Case:
    """A case with `proxy-url`."""
    keys = {"proxy-url": proxy, **(cluster or {})}  # type: ignore[dict-item]
    return Case(name, config(cluster=keys), exit_code=exit_code, **more)  # type: ignore[arg-type]


CASES = (
    Case("tls-insecure", config(cluster=INSECURE)),
    Case("tls-insecure-and-ca", config(cluster={"insecure-skip-tls-verify": True}), exit_code=2),
    Case(
        "tls-insecure-and-missing-ca",
        config(cluster={"insecure-skip-tls-verify": True, "certificate-authority": "/none"}),
        exit_code=2,
    ),
    Case("tls-unknown-authority", config(cluster={"server": "@STRANGER@"}), exit_code=6),
    Case("tls-no-authority", config(cluster={"certificate-authority": None}), exit_code=6),
    Case(
        "tls-system-authority",
        config(cluster={"certificate-authority": None}),
        env={"SSL_CERT_FILE": "@PKI@/ca.crt"},
    ),
    Case("tls-expired", config(cluster={"server": "@EXPIRED@"}), exit_code=6),
    Case("tls-expired-insecure", config(cluster={"server": "@EXPIRED@", **INSECURE})),
    Case("tls-missing-authority", config(cluster={"certificate-authority": "/none"}), exit_code=2),
    Case(
        "tls-authority-not-pem",
        config(cluster={"certificate-authority": "@HOME@/ca"}),
        files={"ca": "no certificate"},
        exit_code=2,
    ),
    Case(
        "tls-authority-data",
        config(cluster={"certificate-authority": None, "certificate-authority-data": "@CA_DATA@"}),
    ),
    Case(
        "tls-authority-data-over-file",
        config(
            cluster={
                "certificate-authority": "@PKI@/other.crt",
                "certificate-authority-data": "@CA_DATA@",
            }
        ),
        exit_code=2,
    ),
    Case(
        "tls-authority-data-over-missing-file",
        config(
            cluster={"certificate-authority": "/none", "certificate-authority-data": "@CA_DATA@"}
        ),
        exit_code=2,
    ),
    Case(
        "tls-authority-data-not-pem",
        config(cluster={"certificate-authority-data": BAD_DATA}),
        exit_code=2,
    ),
    Case(
        "tls-authority-data-not-base64",
        config(cluster={"certificate-authority-data": "%%%"}),
        exit_code=2,
    ),
    Case(
        "tls-authority-relative",
        config(cluster={"certificate-authority": "../ca"}),
        files={"ca": "@CA@"},
    ),
    Case(
        "tls-authority-with-comments",
        config(cluster={"certificate-authority": "@HOME@/ca"}),
        files={"ca": "# ünser CA\n@CA@\n# end\n"},
    ),
    Case(
        "tls-server-name", config(cluster={"server": "@FAR@", "tls-server-name": "api.example.org"})
    ),
    Case(
        "tls-server-name-wrong",
        config(cluster={"tls-server-name": "wrong.example.org"}),
        exit_code=6,
    ),
    Case("tls-wrong-host", config(cluster={"server": "@FAR@"}), exit_code=6),
    Case("tls-server-name-insecure", config(cluster={**INSECURE, "tls-server-name": "a.example"})),
    Case("tls-localhost-name", config(cluster={"server": "https://localhost:@TLS_PORT@"})),
    Case(
        "flag-authority",
        config(cluster={"certificate-authority": "@PKI@/other.crt"}),
        flags=("--certificate-authority", "@PKI@/ca.crt"),
    ),
    Case(
        "flag-authority-over-data",
        config(cluster={"certificate-authority-data": BAD_DATA}),
        flags=("--certificate-authority", "@PKI@/ca.crt"),
    ),
    Case(
        "flag-authority-over-insecure",
        config(cluster={**INSECURE, "server": "@STRANGER@"}),
        flags=("--certificate-authority", "@PKI@/ca.crt"),
        exit_code=6,
    ),
    Case(
        "flag-insecure-over-authority",
        config(cluster={"server": "@STRANGER@"}),
        flags=("--insecure-skip-tls-verify",),
    ),
    Case(
        "flag-insecure-and-authority",
        config(),
        flags=("--insecure-skip-tls-verify", "--certificate-authority", "@PKI@/ca.crt"),
        exit_code=2,
    ),
    Case(
        "flag-insecure-false",
        config(cluster=INSECURE),
        flags=("--insecure-skip-tls-verify=false",),
        exit_code=0,
    ),
    Case(
        "flag-server-name",
        config(cluster={"server": "@FAR@"}),
        flags=("--tls-server-name", "api.example.org"),
    ),
    Case(
        "flag-server-drops-server-name",
        config(cluster={"tls-server-name": "wrong.example.org"}),
        flags=("--server", "@TLS@"),
    ),
    Case(
        "flag-server-keeps-authority",
        config(cluster={"server": "@STRANGER@"}),
        flags=("--server", "@TLS@"),
    ),
    Case(
        "url-path",
        is_namespaced=True,
        kubeconfig=config(cluster={"server": "@TLS@/k8s/clusters/c-1/"}),
    ),
    Case(
        "url-path-two-slashes",
        is_namespaced=True,
        kubeconfig=config(cluster={"server": "@TLS@//a//"}),
    ),
    Case("url-query", config(cluster={"server": "@TLS@/a?b=c"}), is_namespaced=True),
    Case("url-login", config(cluster={"server": "https://ann:s@127.0.0.1:@TLS_PORT@"})),
    Case("url-upper-case", config(cluster={"server": "HTTPS://127.0.0.1:@TLS_PORT@"})),
    Case(
        "url-without-scheme-with-authority",
        config(cluster={"server": "127.0.0.1:@TLS_PORT@"}),
        exit_code=6,
    ),
    Case(
        "url-without-scheme-insecure",
        config(cluster={**INSECURE, "server": "127.0.0.1:@TLS_PORT@"}),
        exit_code=6,
    ),
    Case("url-without-scheme", config(cluster={**PLAIN, "server": "127.0.0.1:@PLAIN_PORT@"})),
    Case(
        "url-localhost-without-scheme",
        config(cluster={**PLAIN, "server": "localhost:@PLAIN_PORT@"}),
    ),
    Case("url-other-scheme", config(cluster={"server": "ftp://127.0.0.1:@TLS_PORT@"}), exit_code=2),
    Case("url-empty", config(cluster={"server": ""}), exit_code=2),
    Case("url-spaces", config(cluster={"server": " @TLS@"}), exit_code=2),
    Case("url-bad-port", config(cluster={"server": "https://127.0.0.1:port"}), exit_code=2),
    Case("url-refused", config(cluster={"server": "https://127.0.0.1:1"}), exit_code=6),
    Case("plain-http", config(cluster=PLAIN)),
    Case("plain-http-with-authority", config(cluster={"server": "@PLAIN@"})),
    Case(
        "plain-http-certificate",
        config({"client-certificate": "/none", "client-key": "/none"}, PLAIN),
        difference=UNREAD,
    ),
    Case("plain-http-missing-token-file", config({"tokenFile": "/none"}, PLAIN)),
    Case("plain-http-impersonation", config({"token": "t", "as": "eve"}, PLAIN)),
    Case("plain-http-gcp", config({"auth-provider": {"name": "gcp", "config": {}}}, PLAIN)),
    Case("plain-http-flag-token", config(cluster=PLAIN), flags=("--token", "flag")),
    Case(
        "plain-http-to-tls", config(cluster={"server": "http://127.0.0.1:@TLS_PORT@"}), exit_code=6
    ),
    Case(
        "tls-to-plain-http",
        config(cluster={"server": "https://127.0.0.1:@PLAIN_PORT@"}),
        exit_code=6,
    ),
    Case(
        "redirect",
        is_namespaced=True,
        kubeconfig=config(cluster={"server": "@TLS@/redirect"}),
        exit_code=8,
    ),
    Case(
        "redirect-to-the-same-server",
        is_namespaced=True,
        kubeconfig=config(cluster={"server": "@TLS@/redirect-here"}),
        exit_code=8,
    ),
    Case("http-1.0", config(cluster={"server": "@HTTP_1_0@"})),
    Case("http-1.0-namespaced", config(cluster={"server": "@HTTP_1_0@"}), is_namespaced=True),
    Case("http-2-only", config(cluster={"server": "@HTTP_2@"}), exit_code=6, difference=HTTP_2),
    via("proxy", "@PROXY@"),
    via("proxy-tls", "@TLS_PROXY@"),
    via("proxy-login", "http://ann:p%40ss@@LOGIN_PROXY_ADDRESS@"),
    via("proxy-login-missing", "@LOGIN_PROXY@", exit_code=6),
    via("proxy-login-wrong", "http://ann:no@@LOGIN_PROXY_ADDRESS@", exit_code=6),
    via("proxy-with-slash", "@PROXY@/"),
    via("proxy-without-scheme", "@PROXY_ADDRESS@", exit_code=2),
    via("proxy-name-without-scheme", "localhost:1", exit_code=2),
    via("proxy-other-scheme", "ftp://127.0.0.1:1", exit_code=2),
    via("proxy-empty", ""),
    via("proxy-refused", "http://127.0.0.1:1", exit_code=6),
    via("proxy-plain-server", "@PROXY@", PLAIN, exit_code=8),
    via("socks5", "@SOCKS@"),
    via("socks5-name", "@SOCKS@", {"server": "https://localhost:@TLS_PORT@"}),
    via("socks5h", "socks5h://@SOCKS_ADDRESS@", exit_code=2),
    via("socks5-login", "socks5://ann:p%40ss@@LOGIN_SOCKS_ADDRESS@"),
    via("socks5-login-wrong", "socks5://ann:no@@LOGIN_SOCKS_ADDRESS@", exit_code=6),
    via("socks5-login-missing", "@LOGIN_SOCKS@", exit_code=6),
    via("socks5-refused", "socks5://127.0.0.1:1", exit_code=6),
    via("socks5-unreachable-server", "@SOCKS@", {"server": "https://127.0.0.1:1"}, exit_code=6),
    via("socks5-plain-server", "@SOCKS@", PLAIN),
    via("socks4", "socks4://@SOCKS_ADDRESS@", exit_code=2),
    via("proxy-over-variable", "@PROXY@", env={"HTTPS_PROXY": "@OTHER_PROXY@"}),
    via("proxy-ignores-no-proxy", "@PROXY@", env={"NO_PROXY": "*"}),
    via("proxy-with-server-flag", "@PROXY@", flags=("--server", "@TLS@")),
    Case("variable-loopback", config(), env={"HTTPS_PROXY": "@PROXY@"}),
    *(
        Case(f"variable-{name}", config(cluster=NAMED), env=env, exit_code=exit_code)
        for name, env, exit_code in (
            ("upper", {"HTTPS_PROXY": "@NAME_PROXY@"}, 0),
            ("lower", {"https_proxy": "@NAME_PROXY@"}, 0),
            ("both", {"HTTPS_PROXY": "@NAME_PROXY@", "https_proxy": "@OTHER_PROXY@"}, 0),
            ("without-scheme", {"HTTPS_PROXY": "@NAME_PROXY_ADDRESS@"}, 0),
            ("socks5", {"HTTPS_PROXY": "@NAME_SOCKS@"}, 0),
            ("all-proxy", {"ALL_PROXY": "@NAME_PROXY@"}, 6),
            ("http-for-https", {"HTTP_PROXY": "@NAME_PROXY@"}, 6),
            ("no-proxy-exact", {"HTTPS_PROXY": "@NAME_PROXY@", "NO_PROXY": "api.example.org"}, 6),
            ("no-proxy-domain", {"HTTPS_PROXY": "@NAME_PROXY@", "NO_PROXY": "example.org"}, 6),
            ("no-proxy-dot", {"HTTPS_PROXY": "@NAME_PROXY@", "NO_PROXY": ".example.org"}, 6),
            ("no-proxy-star", {"HTTPS_PROXY": "@NAME_PROXY@", "NO_PROXY": "*.example.org"}, 6),
            (
                "no-proxy-other",
                {"HTTPS_PROXY": "@NAME_PROXY@", "NO_PROXY": "ample.org,10.0.0.0/8"},
                0,
            ),
            ("no-proxy-port", {"HTTPS_PROXY": "@NAME_PROXY@", "NO_PROXY": "api.example.org:1"}, 0),
            ("no-proxy-case", {"HTTPS_PROXY": "@NAME_PROXY@", "no_proxy": "API.example.ORG"}, 6),
            ("invalid", {"HTTPS_PROXY": "http://[::1"}, 2),
        )
    ),
)
