from __future__ import annotations

from kubectl_snapshot.document.gaps import explain_gaps
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype, new_snapshot


def failed(name: str, status: str, reason: str = "", **data: str) -> Subtype:
    return Subtype(name, data, {"status": status, **({"reason": reason} if reason else {})})


def explain(*measurements: Measurement) -> tuple[str, ...]:
    return explain_gaps(Snapshot({}, measurements))


def test_gaps_of_one_reason_are_one_text_in_document_order() -> None:
    assert explain(
        Measurement("K8s", (failed("server", "error", "no"), failed("node", "timeout", "slow"))),
        Measurement(
            "GPU",
            (
                failed("gpu-0", "error", "GPU is lost"),
                failed("gpu-1", "error", "GPU is lost"),
                Subtype("gpu-2", {"a": 1}),
            ),
        ),
        Measurement("OS", (Subtype("kmod", {"a": 1}), failed("release", "error", "no"))),
    ) == ("K8s.server, OS.release: no", "K8s.node: slow", "GPU.{gpu-0,gpu-1}: GPU is lost")


def test_a_gap_without_a_reason_is_reported_by_its_status() -> None:
    found = failed("sysctl", "partial", a="b")
    assert explain(Measurement("OS", (found, failed("grub", "partial")))) == (
        "OS.{sysctl,grub}: partial",
    )


def test_a_type_of_which_nothing_was_read_stands_for_its_subtypes() -> None:
    both = tuple(
        Measurement(type_, (failed("a", "unavailable", "no cluster"), Subtype("helm")))
        for type_ in ("K8s", "NodeTopology")
    )
    assert explain(*both) == ("K8s, NodeTopology: no cluster",)


def test_a_type_with_two_reasons_or_a_reading_is_reported_by_subtypes() -> None:
    assert explain(Measurement("K8s", (failed("a", "error", "x"), failed("b", "error", "y")))) == (
        "K8s.a: x",
        "K8s.b: y",
    )
    assert explain(Measurement("K8s", (failed("a", "error", "x", key="v"),))) == ("K8s.a: x",)


def test_what_is_absent_or_read_is_no_gap() -> None:
    assert explain(Measurement("OS", (failed("a", "absent", "x"), Subtype("b", {"c": 1})))) == ()
    assert explain_gaps(new_snapshot()) == ()


def test_a_type_whose_subtypes_all_failed_for_one_reason_stands_for_them() -> None:
    both = (failed("a", "error", "x"), failed("b", "timeout", "x"))
    assert explain(Measurement("GPU", both)) == ("GPU: x",)
