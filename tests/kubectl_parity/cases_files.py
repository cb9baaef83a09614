"""Cases: kubeconfigs as people and tools write them: encodings, YAML, wrong types."""

from __future__ import annotations

from tests.kubectl_parity.case import ANYBODY, SPACES, Case, config

TAG = "kubectl ignores YAML tags that it does not know; ours refuses them"
BLOCK = """apiVersion: v1
kind: Config
clusters:
- name: c
  cluster:
    server: "@TLS@"
    certificate-authority: "@PKI@/ca.crt"
contexts:
- name: x
  context:
    cluster: c
    user: u
current-context: x
users:
- name: u
  user:
    token: t
"""
USER = "    token: t\n"


def changed(old: str, new: str) -> str:
    assert old in BLOCK
    return BLOCK.replace(old, new)


def encoded(name: str, codec: str, exit_code: int = 0) -> Case:
    return Case(name, BLOCK + "# ü\n", encoding=codec, exit_code=exit_code)


CASES = (
    Case("yaml-block", BLOCK),
    Case("yaml-crlf", BLOCK.replace("\n", "\r\n")),
    encoded("yaml-bom", "utf-8-sig"),
    encoded("yaml-utf-16-bom", "utf-16"),
    encoded("yaml-utf-16-le", "utf-16-le", exit_code=2),
    encoded("yaml-latin-1", "latin-1", exit_code=2),
    Case("yaml-end-mark", BLOCK + "---\n"),
    Case("yaml-end-dots", BLOCK + "...\n"),
    Case("yaml-start-mark", "---\n" + BLOCK),
    Case("yaml-second-document", BLOCK + "---\n" + BLOCK.replace("token: t", "token: second")),
    Case("yaml-empty-first-document", "---\n---\n" + BLOCK, exit_code=3),
    Case("yaml-comment", "# written by hand\n" + BLOCK + "# end\n"),
    Case("yaml-tab-indent", changed(USER, "\ttoken: t\n"), exit_code=2),
    Case("yaml-tab-after-value", changed(USER, "    token: t\t\n")),
    Case("yaml-tab-before-value", changed(USER, "    token:\tt\n")),
    Case("yaml-duplicate-key", BLOCK + "current-context: x\n"),
    Case("yaml-duplicate-key-with-another-value", BLOCK + "current-context: z\n", exit_code=3),
    Case("yaml-anchor", changed(USER, "    token: &a t\n    username: ''\n")),
    Case("yaml-alias", changed(USER, "    token: &a t\n    as: *a\n")),
    Case("yaml-merge-key", changed(USER, "    <<: {token: t}\n")),
    Case("yaml-folded-token", changed(USER, "    token: >-\n      t\n")),
    Case("yaml-literal-token", changed(USER, "    token: |\n      t\n"), difference=SPACES),
    Case("yaml-number-as-token", changed(USER, "    token: 1234\n"), exit_code=2),
    Case("yaml-bool-as-token", changed(USER, "    token: true\n"), exit_code=2),
    Case("yaml-date-as-token", changed(USER, "    token: 2020-01-01\n")),
    Case("yaml-yes-as-token", changed(USER, "    token: yes\n"), exit_code=2),
    Case("yaml-null-as-token", changed(USER, "    token: null\n    username: ann\n")),
    Case(
        "yaml-number-as-context",
        changed("name: x", "name: 1").replace("context: x", "context: '1'"),
        exit_code=2,
    ),
    Case(
        "yaml-octal-as-context",
        changed("name: x", "name: 012").replace("context: x", "context: '10'"),
        exit_code=2,
    ),
    Case(
        "yaml-number-as-user",
        changed("user: u", "user: 7").replace("- name: u", "- name: 7"),
        exit_code=2,
    ),
    Case("yaml-list-as-token", changed(USER, "    token: [t]\n"), exit_code=2),
    Case(
        "yaml-map-as-users",
        changed("users:\n- name: u\n  user:\n    token: t\n", "users:\n  u:\n    token: t\n"),
        exit_code=2,
    ),
    Case(
        "yaml-string-as-insecure",
        changed("    server:", "    insecure-skip-tls-verify: 'no'\n    server:"),
        exit_code=2,
    ),
    Case("yaml-unknown-fields", changed(USER, USER + "    colour: red\n") + "extra: {a: 1}\n"),
    Case("yaml-field-in-another-case", changed("    token: t", "    Token: t"), difference=ANYBODY),
    Case("yaml-server-in-another-case", changed("    server:", "    Server:"), exit_code=2),
    Case("yaml-without-version-and-kind", changed("apiVersion: v1\nkind: Config\n", "")),
    Case("yaml-unknown-version", changed("apiVersion: v1\n", "apiVersion: v2\n"), exit_code=2),
    Case("yaml-unknown-kind", changed("kind: Config", "kind: Secret"), exit_code=2),
    Case("yaml-null-entry", changed("users:\n", "users:\n- null\n")),
    Case("yaml-entry-without-name", changed("users:\n", "users:\n- user: {token: s}\n")),
    Case("yaml-same-user-twice", BLOCK + "- name: u\n  user: {token: second}\n", exit_code=2),
    Case(
        "yaml-user-null",
        changed("  user:\n    token: t\n", "  user: null\n"),
        flags=("--token", "flag"),
    ),
    Case("yaml-broken", "a: [", exit_code=2),
    Case("yaml-not-a-map", "- a\n", exit_code=2),
    Case("yaml-only-text", "hello\n", exit_code=2),
    Case("yaml-nul", changed(USER, "    token: 't\0'\n"), exit_code=2),
    Case(
        "yaml-python-tag",
        changed(USER, "    token: !!python/name:os.system t\n"),
        exit_code=2,
        difference=TAG,
    ),
    Case(
        "yaml-arn-names",
        changed("name: x", "name: arn:aws:eks:r:1:cluster/g").replace(
            "context: x", "context: arn:aws:eks:r:1:cluster/g"
        ),
    ),
    Case("yaml-unicode-name", BLOCK.replace("name: u", "name: ü").replace("user: u", "user: ü")),
    Case("json-with-text-at-the-end", config() + "\nbye\n"),
    Case("json-with-tabs", config().replace("\n ", "\n\t")),
    Case("json-with-comma-at-the-end", config()[:-2] + ",\n}"),
)
