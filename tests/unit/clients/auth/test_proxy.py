"""Which proxy leads to a server: by kubeconfig, by environment, and not at all."""

from __future__ import annotations

import pytest

from kubectl_snapshot.clients.auth.proxy import choose_proxy, is_bypassed, parse_proxy
from kubectl_snapshot.errors import InvalidRequest

SERVER = "https://api.example.org:6443"


def url(server: str, proxy_url: str = "", **env: str) -> str | None:
    proxy = choose_proxy(server, proxy_url, env)
    return proxy.url if proxy else None


def test_the_kubeconfigs_proxy_goes_before_the_environment() -> None:
    env = {"HTTPS_PROXY": "http://env:1", "NO_PROXY": "*"}
    assert url(SERVER, "http://file:3128", **env) == "http://file:3128"


def test_each_scheme_has_its_own_variable() -> None:
    env = {"HTTPS_PROXY": "http://tls:1", "HTTP_PROXY": "http://plain:2"}
    assert url(SERVER, **env) == "http://tls:1"
    assert url("http://api.example.org", **env) == "http://plain:2"


def test_upper_case_goes_before_lower_case() -> None:
    assert url(SERVER, HTTPS_PROXY="http://upper", https_proxy="http://lower") == "http://upper"
    assert url(SERVER, https_proxy="http://lower") == "http://lower"


def test_without_any_setting_the_way_is_direct() -> None:
    assert url(SERVER) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("socks5://proxy", "socks5://proxy"),
        ("http://proxy", "http://proxy"),
        ("https://[fd00::1]:8443", "https://[fd00::1]:8443"),
    ],
)
def test_a_proxy_is_an_address_without_a_login(text: str, expected: str) -> None:
    assert parse_proxy(text).url == expected


def test_the_login_of_a_proxy_goes_into_a_header_and_into_no_text() -> None:
    proxy = parse_proxy("http://ann:p%40ss@proxy:3128")
    assert proxy.url == "http://proxy:3128"
    assert proxy.authorization == "Basic YW5uOnBAc3M="
    assert "YW5u" not in repr(proxy)


def test_a_login_that_is_not_utf_8_goes_as_the_bytes_it_was_or_not_at_all() -> None:
    assert parse_proxy("http://a:\udcff@proxy").authorization == "Basic YTr/"
    with pytest.raises(InvalidRequest, match="unpaired surrogate"):
        _ = parse_proxy("http://a:\ud800@proxy").authorization


@pytest.mark.parametrize(("text", "port"), [("socks5://proxy", 1080), ("socks5://proxy:9", 9)])
def test_a_socks_proxy_has_an_address_and_a_login(text: str, port: int) -> None:
    proxy = parse_proxy(text.replace("://", "://ann:p%40ss@"))
    assert (proxy.is_socks, proxy.host, proxy.port) == (True, "proxy", port)
    assert (proxy.username, proxy.password) == ("ann", "p@ss")
    assert not parse_proxy("http://proxy").is_socks


@pytest.mark.parametrize("text", ["socks4://ann:secret@proxy", "socks5h://proxy", "proxy:3128"])
def test_a_kubeconfigs_proxy_has_one_of_three_schemes(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        choose_proxy(SERVER, text, {})
    assert "secret" not in str(caught.value)
    assert caught.value.hint in (
        "use one of http, https, socks5",
        "write it as http://HOST:PORT",
    )


def test_a_proxy_of_the_environment_is_http_by_default_and_may_be_socks5h() -> None:
    assert url(SERVER, HTTPS_PROXY="proxy:3128") == "http://proxy:3128"
    assert url(SERVER, HTTPS_PROXY="socks5h://proxy:1") == "socks5h://proxy:1"


@pytest.mark.parametrize("text", ["http://", "http://proxy:port", "http://[::1"])
def test_what_names_no_proxy_is_an_invalid_request(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_proxy(text)


@pytest.mark.parametrize(
    ("server", "no_proxy", "expected"),
    [
        (SERVER, "", False),
        (SERVER, "*", True),
        (SERVER, "example.org", True),
        (SERVER, "EXAMPLE.org", True),
        (SERVER, "ample.org", False),
        (SERVER, ".example.org", True),
        (SERVER, "*.example.org", True),
        ("https://example.org", ".example.org", False),
        ("https://example.org", "example.org", True),
        (SERVER, "other.org, api.example.org", True),
        (SERVER, "api.example.org:6443", True),
        (SERVER, "api.example.org:443", False),
        ("https://api.example.org", "api.example.org:443", True),
        ("https://10.1.2.3:6443", "10.1.2.3", True),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", True),
        ("https://10.1.2.3:6443", "10.1.2.3:1", False),
        ("https://10.1.2.3:6443", "10.1.0.0/16", True),
        ("https://10.2.2.3:6443", "10.1.0.0/16", False),
        ("https://10.1.2.3:6443", ".3", False),
        ("https://[fd00::1]:6443", "fd00::/8", True),
        ("https://[fd00::1]:6443", "fd00::1", True),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", True),
        ("https://[fd00::1]:6443", "[fd00::1]:443", False),
        ("https://10.1.2.3:6443", "not/a/network", False),
        ("https://localhost:6443", "", True),
        ("https://127.0.0.1:6443", "", True),
        ("https://[::1]:6443", "", True),
    ],
)
def test_no_proxy_follows_gos_rules(server: str, no_proxy: str, expected: bool) -> None:
    assert is_bypassed(server, no_proxy) is expected
