from __future__ import annotations

import pytest

from kubectl_snapshot.collectors.forms import (
    form_of_address,
    form_of_device,
    form_of_ip,
    form_of_provider_id,
    form_of_warnings,
    mask_event_reasons,
)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("dhcp", "dhcp"),
        ("eth0:dhcp6", "<its own>:dhcp6"),
        ("10.0.0.1::10.0.0.254", "<its own>:<its own>:<its own>"),
        ("", "<its own>"),
    ],
)
def test_an_ip_has_its_method_and_number_of_fields(text: str, form: str) -> None:
    assert form_of_ip(text) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("UUID=1-2=3", "UUID=<its own>"),
        ("/dev/disk/by-id/x", "/dev/disk/by-id/<its own>"),
        ("sda1", "<its own>"),
        ("", "<its own>"),
    ],
)
def test_a_device_has_the_way_it_is_named(text: str, form: str) -> None:
    assert form_of_device(text) == form


def test_a_limit_of_warnings_is_not_no_limit() -> None:
    assert [form_of_warnings(text) for text in ("-1", "0", "10")] == [
        "unlimited",
        "limited",
        "limited",
    ]


@pytest.mark.parametrize(
    ("text", "form"),
    [("aws:///a/i-0", "aws"), ("ocid1.instance.oc1", "ocid1"), ("x.y", ""), ("", "")],
)
def test_a_provider_id_has_its_provider(text: str, form: str) -> None:
    assert form_of_provider_id(text) == form


def test_an_address_has_its_parts() -> None:
    assert form_of_address("00000000:0F:00.0") == form_of_address("0000:1b:00.0") == "x:x:x.x"
    assert form_of_address("") == ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [("0x00000137", "0x00000000"), ("0x000000ff", "0x000000C8"), ("none", "none"), ("", "")],
)
def test_event_reasons_of_the_load_are_masked(text: str, masked: str) -> None:
    assert mask_event_reasons(text) == masked
