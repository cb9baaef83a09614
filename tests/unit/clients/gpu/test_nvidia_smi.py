"""nvidia-smi that works, fails, hangs and is missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kubectl_snapshot.clients.gpu.driver_files import DriverFiles
from kubectl_snapshot.clients.gpu.nvidia_smi import Report, build_command, parse_output, read_report
from kubectl_snapshot.errors import Internal, Timeout, Unavailable
from tests.unit.gpus import configure


def script(path: Path, text: str) -> DriverFiles:
    program = path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return DriverFiles(program=str(program))


def read(files: DriverFiles, within_s: float = 30) -> Report:
    return read_report(files, time.monotonic() + within_s)


def test_the_report_is_the_output(tmp_path: Path) -> None:
    found = read(script(tmp_path, 'echo "<report>$*</report>"'))
    assert found == Report(b"<report>-q -x</report>")


XML = '<?xml version="1.0" ?>\n<!DOCTYPE r SYSTEM "a.dtd">\n<r><gpu><r>1</r></gpu>\n</r>'


@pytest.mark.parametrize(
    ("text", "status", "warning"),
    [
        (XML, 14, "nvidia-smi exited with status 14"),
        (f"{XML}\nWARNING: infoROM is corrupted", 0, "WARNING: infoROM is corrupted"),
        (
            f"\n Warning: persistence\n{XML}\nWARNING: infoROM is corrupted at gpu 0000:1B:00.0\n",
            14,
            "nvidia-smi exited with status 14: Warning: persistence; "
            "WARNING: infoROM is corrupted at gpu 0000:1B:00.0",
        ),
    ],
)
def test_what_is_printed_around_a_report_is_a_warning(
    tmp_path: Path, text: str, status: int, warning: str
) -> None:
    (tmp_path / "out").write_text(text)
    found = read(script(tmp_path, f"cat {tmp_path}/out; exit {status}"))
    assert found == Report(XML.encode(), warning)


def test_the_beginning_of_a_report_may_be_missing_but_not_its_end() -> None:
    assert parse_output(b"note < 5 <r><gpu/></r> bye") == Report(b"<r><gpu/></r>", "note < 5; bye")
    assert parse_output(b"<r><gpu><a/></gpu>\nGPU is lost") is None
    assert parse_output(b"no report") is None
    assert parse_output(b"</r><r>") is None


def test_a_long_warning_is_cut() -> None:
    found = parse_output(b"<r></r>" + b"x" * 5000)
    assert found is not None
    assert found.warning == "x" * 300


def test_an_output_without_report_is_left_to_its_parser(tmp_path: Path) -> None:
    assert read(script(tmp_path, "echo no report")) == Report(b"no report\n")


def test_the_nodes_own_linker_runs_nvidia_smi(library: Path) -> None:
    configure(library, gpus=1)
    linker = next(Path("/").glob("lib*/ld-linux-*.so.*"), None)
    if linker is None:
        pytest.skip("no glibc dynamic linker on this machine")
    files = DriverFiles(
        program=str(library.parent / "nvidia-smi"),
        loader=str(linker),
        library_directories=(str(library.parent), "/usr/lib/x86_64-linux-gnu", "/usr/lib64"),
    )
    assert b"<attached_gpus>1</attached_gpus>" in read(files).xml


def test_without_a_linker_nvidia_smi_is_run_directly() -> None:
    files = DriverFiles(program="/usr/bin/nvidia-smi", library_directories=("/usr/lib64",))
    assert build_command(files) == ["/usr/bin/nvidia-smi", "-q", "-x"]


@pytest.mark.parametrize(("status", "error"), [(9, Unavailable), (4, Unavailable), (15, Internal)])
def test_a_failure_has_the_status_and_the_output(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"status {status}: no such GPU"):
        read(script(tmp_path, f"echo no such GPU >&2; exit {status}"))


def test_nvidia_smi_that_hangs_times_out(tmp_path: Path) -> None:
    with pytest.raises(Timeout, match="nvidia-smi timed out"):
        read(script(tmp_path, "exec sleep 60"), within_s=0.5)


def test_a_missing_nvidia_smi_is_unavailable() -> None:
    with pytest.raises(
        Unavailable, match="nvidia-smi not found on the node: searched /usr/bin, /bin"
    ):
        read(DriverFiles())
