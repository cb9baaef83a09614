"""The options of the collectors on their way to the pod: what is encoded is decoded unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.collectors.all_collectors import ALL_COLLECTORS
from kubectl_snapshot.commands import collect
from kubectl_snapshot.commands.flags.collect import parse_settings
from kubectl_snapshot.commands.flags.environment import parse_flags
from kubectl_snapshot.constants import PROFILES
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.settings import CollectSettings, build_arguments

KEY = b"0123456789abcdef0123456789abcdef"
NAMESPACES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
TYPES = st.sampled_from(tuple(ALL_COLLECTORS))
UNITS = st.from_regex(r"[A-Za-z0-9:_.@\\-]{1,8}(\*|\.service|\.timer)", fullmatch=True)
PATTERNS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(str.strip)


def lists_of(items: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, max_size=3, unique=True).map(tuple)


SETTINGS = st.builds(
    CollectSettings,
    redaction=st.one_of(
        st.just(Redaction(KEY, is_on=False)),
        st.builds(Redaction, key=st.just(KEY), patterns=lists_of(PATTERNS)),
    ),
    collectors=lists_of(TYPES),
    skipped=lists_of(TYPES),
    helm_namespaces=st.one_of(st.just(("*",)), lists_of(NAMESPACES)),
    max_nodes_per_entry=st.integers(0, 10_000),
    systemd_services=lists_of(UNITS),
    profile=st.sampled_from(PROFILES),
    skips_kernel_log=st.booleans(),
)


def decode(arguments: list[str]) -> CollectSettings:
    return parse_settings(parse_flags(collect.build_parser(), arguments, {}))


@given(SETTINGS)
def test_the_command_line_of_the_pod_gives_the_same_settings(settings: CollectSettings) -> None:
    decoded = decode(build_arguments(settings))
    assert decoded == replace(settings, redaction=replace(settings.redaction, key=b""))


def test_an_older_agent_is_told_only_of_another_profile_than_the_default() -> None:
    assert build_arguments(CollectSettings()) == []
    assert build_arguments(CollectSettings(profile="full")) == ["--profile=full"]


@given(SETTINGS)
def test_the_redaction_key_is_never_on_the_command_line(settings: CollectSettings) -> None:
    assert KEY.decode() not in "".join(build_arguments(settings, "/key"))
    assert KEY.decode() not in repr(settings)


@pytest.mark.parametrize(("is_on", "expected"), [(True, KEY), (False, b"")])
def test_the_key_is_read_from_its_file_unless_nothing_is_redacted(
    tmp_path: Path, is_on: bool, expected: bytes
) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    arguments = build_arguments(CollectSettings(Redaction(KEY, is_on=is_on)), str(file))
    assert decode(arguments).redaction == Redaction(expected, is_on=is_on)
