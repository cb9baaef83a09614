"""Settings that kubectl refuses before it sends anything."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.clients.auth.conflicts import API_VERSIONS, refuse_conflicts
from kubectl_snapshot.errors import InvalidRequest

FILES = {"client-certificate": "c", "client-key": "k"}
PLUGIN = {"command": "p", "apiVersion": API_VERSIONS[0], "interactiveMode": "Never"}


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"token": "t", "username": "u"}, "a token and a password"),
        ({"token": "t", "password": "p"}, "a token and a password"),
        ({"client-certificate": "c"}, "no client-key"),
        ({"client-certificate-data": "c"}, "no client-key"),
        ({**FILES, "client-certificate-data": "c"}, "client-certificate and"),
        ({**FILES, "client-key-data": "k"}, "client-key and client-key-data"),
        ({"exec": {**PLUGIN, "command": ""}}, "invalid exec plugin"),
        ({"exec": {**PLUGIN, "command": ["p"]}}, "invalid exec plugin"),
        ({"exec": {**PLUGIN, "apiVersion": None}}, "invalid exec plugin"),
        ({"exec": {**PLUGIN, "apiVersion": f"{API_VERSIONS[0]}alpha1"}}, "invalid exec plugin"),
        ({"exec": {**PLUGIN, "interactiveMode": None}}, "interactiveMode"),
        ({"exec": {**PLUGIN, "interactiveMode": "Sometimes"}}, "interactiveMode"),
        ({"exec": {**PLUGIN, "env": "text"}}, "env of"),
        ({"exec": {**PLUGIN, "env": ["text"]}}, "env of"),
        ({"exec": {**PLUGIN, "env": [{"name": "", "value": "v"}]}}, "env of"),
        ({"exec": {**PLUGIN, "env": [{"name": "n"}]}}, "env of"),
        ({"exec": PLUGIN, "auth-provider": {"name": "oidc"}}, "auth-provider"),
        ({"as-groups": ["g"]}, "needs a user"),
        ({"as-uid": "7"}, "needs a user"),
        ({"as-user-extra": {"a": ["b"]}}, "needs a user"),
    ],
)
def test_a_contradictory_user_is_refused(user: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        refuse_conflicts({}, user, "ann")


@pytest.mark.parametrize(
    "user",
    [
        {},
        {**FILES, "token": "t"},
        {"client-key": "k", "client-key-data": "k", "token": "t"},
        {"token": "t", "tokenFile": "f", "exec": {**PLUGIN, "env": [{"name": "n", "value": ""}]}},
        {"exec": {**PLUGIN, "apiVersion": API_VERSIONS[1], "interactiveMode": None}},
        {"as": "eve", "as-groups": ["g"], "as-uid": "7"},
    ],
)
def test_a_plain_user_is_accepted(user: dict[str, Any]) -> None:
    refuse_conflicts({}, user, "ann")


def test_the_user_is_named_in_the_error() -> None:
    for name, place in (("ann", "user ann has"), ("", "the user has")):
        with pytest.raises(InvalidRequest, match=place):
            refuse_conflicts({}, {"client-certificate": "c"}, name)


def test_a_ca_is_a_file_or_data() -> None:
    with pytest.raises(InvalidRequest, match="certificate-authority-data"):
        refuse_conflicts({"certificate-authority": "f", "certificate-authority-data": "d"}, {}, "")
