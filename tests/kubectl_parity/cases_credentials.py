"""Cases: which credential of a user is sent."""

from __future__ import annotations

from tests.kubectl_parity.case import ANYBODY, Case, config, plugin, plugin_files

ANN = {"client-certificate": "@PKI@/ann.crt", "client-key": "@PKI@/ann.key"}
BASIC = {"username": "ann", "password": "s:ü"}
PLUGIN = plugin_files()


CASES = (
    Case("token", config({"token": "abc"})),
    Case("token-file", config({"tokenFile": "@HOME@/tok"}), files={"tok": "from-file\n"}),
    Case("token-file-relative", config({"tokenFile": "tok"}), files={".kube/tok": "relative"}),
    Case(
        "token-file-before-token",
        config({"token": "inline", "tokenFile": "@HOME@/tok"}),
        files={"tok": "from-file"},
    ),
    Case(
        "token-beside-missing-token-file",
        config({"token": "inline", "tokenFile": "@HOME@/none"}),
    ),
    Case(
        "token-beside-empty-token-file",
        config({"token": "inline", "tokenFile": "@HOME@/tok"}),
        files={"tok": "\n"},
    ),
    Case("token-file-missing", config({"tokenFile": "@HOME@/none"}), exit_code=2),
    Case("token-file-empty", config({"tokenFile": "@HOME@/tok"}), files={"tok": ""}, exit_code=2),
    Case("basic", config(BASIC)),
    Case("basic-without-password", config({"username": "ann"})),
    Case("token-and-basic", config({"token": "t", **BASIC}), exit_code=2),
    Case("certificate-files", config(ANN)),
    Case("certificate-and-token", config({**ANN, "token": "t"})),
    Case("certificate-and-basic", config({**ANN, **BASIC})),
    Case(
        "certificate-without-key",
        config({"client-certificate": "@PKI@/ann.crt"}),
        exit_code=2,
    ),
    Case("key-without-certificate", config({"client-key": "@PKI@/ann.key", "token": "t"})),
    Case(
        "certificate-of-another-key",
        config({"client-certificate": "@PKI@/ann.crt", "client-key": "@PKI@/bob.key"}),
        exit_code=2,
    ),
    Case("user-without-credential", config({}), difference=ANYBODY),
    Case("login-in-url", config({"token": "t"}, {"server": "https://ann:s@127.0.0.1:@TLS_PORT@"})),
    Case(
        "login-in-plain-url",
        config(
            {"token": "t"},
            {"server": "http://ann:s@127.0.0.1:@PLAIN_PORT@", "certificate-authority": None},
        ),
    ),
    Case(
        "login-in-flag-server",
        config(),
        flags=("--server", "https://ann:p%40s@127.0.0.1:@TLS_PORT@"),
    ),
    Case("refused-token", config({"token": "bad"}), refused=("Bearer bad",), exit_code=4),
    Case("static-token-beside-exec", config({"token": "static", **plugin()}), files=PLUGIN),
    Case(
        "static-token-file-beside-exec",
        config({"tokenFile": "@HOME@/tok", **plugin()}),
        files={"tok": "static", **PLUGIN},
    ),
    Case("static-basic-beside-exec", config({**BASIC, **plugin()}), files=PLUGIN),
    Case("static-certificate-beside-exec", config({**ANN, **plugin()}), files=PLUGIN),
    Case(
        "refused-static-token-beside-exec",
        config({"token": "bad", **plugin()}),
        files=PLUGIN,
        refused=("Bearer bad",),
        exit_code=4,
    ),
    Case("flag-token", config({"token": "t"}), flags=("--token", "flag")),
    Case("flag-token-beside-exec", config(plugin()), flags=("--token", "flag"), files=PLUGIN),
    Case(
        "flag-token-beside-token-file",
        config({"tokenFile": "@HOME@/tok"}),
        flags=("--token", "flag"),
        files={"tok": "from-file"},
    ),
    Case("flag-token-beside-basic", config(BASIC), flags=("--token", "flag"), exit_code=2),
    Case(
        "certificate-file-and-data",
        config({**ANN, "client-certificate-data": "@CA_DATA@"}),
        exit_code=2,
    ),
    Case("key-file-and-data", config({**ANN, "client-key-data": "@CA_DATA@"}), exit_code=2),
    Case(
        "flag-certificate-beside-data",
        config({"client-certificate-data": "@CA_DATA@", "client-key-data": "@CA_DATA@"}),
        flags=("--client-certificate", "@PKI@/bob.crt", "--client-key", "@PKI@/bob.key"),
        since="v1.37",
    ),
    Case("flag-token-beside-certificate", config(ANN), flags=("--token", "flag")),
    Case(
        "flag-certificate-beside-exec",
        config(plugin()),
        flags=("--client-certificate", "@PKI@/bob.crt", "--client-key", "@PKI@/bob.key"),
        files=PLUGIN,
    ),
    Case(
        "flag-certificate-beside-certificate",
        config(ANN),
        flags=("--client-certificate", "@PKI@/bob.crt", "--client-key", "@PKI@/bob.key"),
    ),
    Case(
        "flag-certificate-alone",
        config(ANN),
        flags=("--client-certificate", "@PKI@/bob.crt"),
        exit_code=2,
    ),
    Case(
        "flag-certificate-beside-token",
        config({"token": "t"}),
        flags=("--client-certificate", "@PKI@/bob.crt", "--client-key", "@PKI@/bob.key"),
    ),
    Case("impersonation", config({"token": "t", "as": "eve", "as-groups": ["a", "b"]})),
    Case(
        "impersonation-uid-and-extra",
        config(
            {
                "token": "t",
                "as": "eve",
                "as-uid": "7",
                "as-user-extra": {"Reason": ["x", "y"], "a b/c": ["z"]},
            }
        ),
    ),
    Case("impersonation-group-alone", config({"token": "t", "as-groups": ["a"]}), exit_code=2),
    Case("impersonation-uid-alone", config({"token": "t", "as-uid": "7"}), exit_code=2),
    Case("flag-as", config({"token": "t"}), flags=("--as", "eve", "--as-group", "g")),
    Case(
        "flag-as-over-impersonation",
        config({"token": "t", "as": "eve", "as-groups": ["a"], "as-uid": "7"}),
        flags=("--as", "mia"),
    ),
    Case(
        "flag-as-group-over-impersonation",
        config({"token": "t", "as": "eve", "as-groups": ["a"]}),
        flags=("--as-group", "b", "--as-uid", "9"),
    ),
    Case("flag-as-group-alone", config({"token": "t"}), flags=("--as-group", "b"), exit_code=2),
    Case(
        "auth-provider-gcp",
        config({"auth-provider": {"name": "gcp", "config": {"access-token": "x"}}}),
        exit_code=2,
    ),
    Case(
        "auth-provider-beside-exec",
        config({"auth-provider": {"name": "oidc", "config": {}}, **plugin()}),
        files=PLUGIN,
        exit_code=2,
    ),
    Case(
        "auth-provider-beside-token",
        config({"token": "t", "auth-provider": {"name": "gcp", "config": {}}}),
        exit_code=2,
    ),
)
