"""Kubeconfig documents: what is read out of one, and how several become one."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.clients.auth.kubeconfig import Config, merge_configs, parse_config


def config(**user: Any) -> Config:
    document = {"users": [{"name": "ann", "user": user}]}
    return parse_config(document, "/home/ann/.kube/config")


def test_the_first_definition_of_a_user_wins_with_its_file() -> None:
    first = parse_config({"users": [{"name": "ann", "user": {"token": "1"}}]}, "/first")
    second = parse_config({"users": [{"name": "ann", "user": {"token": "2"}}]}, "/second")
    merged = merge_configs([first, second])
    assert (merged.users["ann"]["token"], merged.user_files["ann"]) == ("1", "/first")


def test_null_and_empty_keys_count_as_not_there() -> None:
    assert config(token=None, tokenFile="", username="u").users["ann"] == {"username": "u"}


@pytest.mark.parametrize(
    ("command", "resolved"),
    [("aws", "aws"), ("./login", "/home/ann/.kube/./login"), ("/bin/login", "/bin/login")],
)
def test_a_plugin_with_a_path_is_found_beside_its_kubeconfig(command: str, resolved: str) -> None:
    assert config(exec={"command": command}).users["ann"]["exec"]["command"] == resolved


def test_a_token_is_not_part_of_how_a_configuration_looks() -> None:
    assert "secret" not in repr(config(token="secret"))
