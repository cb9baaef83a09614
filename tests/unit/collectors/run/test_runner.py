"""The runner with collectors that finish, fail, hang and come too late."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run import runner
from kubectl_snapshot.collectors.run.context import NODE, Context, Right
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.registry import SubtypeSpec
from kubectl_snapshot.document.snapshot import Measurement, Subtype
from kubectl_snapshot.errors import Timeout, Unauthorized
from kubectl_snapshot.settings import CollectSettings

LONG_S = 60.0
SHORT_S = 0.05


@dataclass(frozen=True)
class MadeCollector:
    """A collector of the test: what it declares, and what its thread does."""

    TYPE: str
    names: tuple[str, ...]
    body: Callable[[Context], Iterable[Subtype]]
    DEADLINE_S: float = LONG_S
    SCOPE: str = NODE
    RIGHTS: tuple[Right, ...] = ()
    declared: tuple[SubtypeSpec, ...] = ()

    @property
    def SUBTYPES(self) -> tuple[SubtypeSpec, ...]:
        return self.declared or tuple(map(SubtypeSpec, self.names))

    def collect(self, context: Context) -> Iterable[Subtype]:
        return self.body(context)


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """A read that does not come back before the test is over."""
    gate = threading.Event()

    def wait() -> None:
        gate.wait(LONG_S)

    yield wait
    gate.set()


def run(
    *collectors: MadeCollector,
    deadline: float | None = None,
    on_event: Callable[[Mapping[str, object]], None] = lambda event: None,
) -> tuple[Measurement, ...]:
    end = time.monotonic() + LONG_S if deadline is None else deadline
    return run_collectors(collectors, Context(HostPath()), end, on_event)


def finished(*names: str) -> Callable[[Context], Iterable[Subtype]]:
    return lambda context: [Subtype(name, {"key": name}) for name in names]


def statuses(measurement: Measurement) -> list[tuple[str, str]]:
    return [(subtype.name, subtype.status) for subtype in measurement.subtypes]


def test_measurements_come_in_the_documents_order_whoever_finishes_first() -> None:
    os_is_done = threading.Event()

    def last(context: Context) -> Iterator[Subtype]:
        assert os_is_done.wait(LONG_S)
        yield Subtype("server")

    def first(context: Context) -> Iterator[Subtype]:
        yield Subtype("grub")
        os_is_done.set()

    measurements = run(
        MadeCollector("NodeTopology", ("summary",), finished("summary")),
        MadeCollector("OS", ("grub",), first),
        MadeCollector("K8s", ("server",), last),
    )
    assert [measurement.type for measurement in measurements] == ["K8s", "OS", "NodeTopology"]


SPECS = (
    SubtypeSpec("a", profile="reference"),
    SubtypeSpec("b"),
    SubtypeSpec("c", profile="full"),
    SubtypeSpec("d-*", profile="full"),
)
LEFT_OUT = "left out by --profile standard; --profile full collects it"


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("reference", [("a", "a", "")]),
        ("standard", [("a", "a", ""), ("b", "b", ""), ("c", "", LEFT_OUT)]),
        ("full", [("a", "a", ""), ("b", "b", ""), ("c", "c", ""), ("d-0", "d-0", "")]),
    ],
)
def test_a_profile_leaves_subtypes_out_and_says_which_a_larger_one_has(
    profile: str, expected: list[tuple[str, str, str]]
) -> None:
    collector = MadeCollector("OS", ("a", "b", "c"), finished("a", "b", "c", "d-0"), declared=SPECS)
    context = Context(HostPath(), settings=CollectSettings(profile=profile))
    (found,) = run_collectors([collector], context, time.monotonic() + LONG_S, lambda _: None)
    assert [
        (s.name, s.data.get("key", ""), s.context.get("reason", "")) for s in found.subtypes
    ] == expected
    assert all(s.context["elapsed-ms"].isdigit() for s in found.subtypes)
    assert [s.is_left_out for s in found.subtypes] == [bool(reason) for _, _, reason in expected]


def test_what_the_profile_leaves_out_is_no_gap_where_the_collector_fails() -> None:
    def fail(_: Context) -> Iterator[Subtype]:
        raise Unauthorized("no")
        yield

    collector = MadeCollector("OS", ("a", "b", "c"), fail, declared=SPECS)
    context = Context(HostPath(), settings=CollectSettings(profile="standard"))
    (found,) = run_collectors([collector], context, time.monotonic() + LONG_S, lambda _: None)
    assert statuses(found) == [("a", "forbidden"), ("b", "forbidden"), ("c", "ok")]


def test_subtypes_come_in_the_declared_order_and_each_further_one_after_its_predecessor() -> None:
    collector = MadeCollector("OS", ("a", "b", "c"), finished("x", "c", "a", "y", "b"))
    (measurement,) = run(collector)
    assert [subtype.name for subtype in measurement.subtypes] == ["a", "y", "b", "c", "x"]


def test_every_subtype_has_its_elapsed_milliseconds_and_keeps_its_context() -> None:
    subtype = Subtype("a", {"k": 1}, {"status": "partial", "reason": "half"})

    def fail_after(context: Context) -> Iterator[Subtype]:
        yield subtype
        raise Unauthorized("cannot list nodes", why="nodes is forbidden")

    (measurement,) = run(MadeCollector("OS", ("a", "b"), fail_after))
    first, second = measurement.subtypes
    assert (first.data, first.context["reason"]) == ({"k": 1}, "half")
    assert [s.context["elapsed-ms"].isdigit() for s in (first, second)] == [True, True]
    assert subtype.context == {"status": "partial", "reason": "half"}


def test_elapsed_milliseconds_are_those_of_each_subtype() -> None:
    def slow_then_fast(context: Context) -> Iterator[Subtype]:
        threading.Event().wait(0.2)
        yield Subtype("slow")
        yield Subtype("fast")

    (measurement,) = run(MadeCollector("OS", ("slow", "fast"), slow_then_fast))
    slow, fast = (int(subtype.context["elapsed-ms"]) for subtype in measurement.subtypes)
    assert slow >= 200 > fast


def test_an_expected_failure_gives_every_subtype_its_status_and_reason() -> None:
    def fail(context: Context) -> Iterable[Subtype]:
        raise Unauthorized("cannot list nodes", why='nodes is forbidden: User "eve" cannot list')

    (measurement,) = run(MadeCollector("K8s", ("server", "node"), fail))
    assert statuses(measurement) == [("server", "forbidden"), ("node", "forbidden")]
    for subtype in measurement.subtypes:
        assert subtype.data == {}
        reason = subtype.context["reason"]
        assert reason == 'cannot list nodes: nodes is forbidden: User "eve" cannot list'


def test_an_unexpected_failure_is_an_error_with_its_type_and_text() -> None:
    def fail(context: Context) -> Iterator[Subtype]:
        yield Subtype("grub", {"quiet": ""})
        raise ZeroDivisionError("by \udc80 zero")

    (measurement,) = run(MadeCollector("OS", ("grub", "sysctl"), fail))
    assert statuses(measurement) == [("grub", "ok"), ("sysctl", "error")]
    assert measurement.subtypes[1].context["reason"] == "ZeroDivisionError: by \\udc80 zero"


def test_a_failing_collector_costs_no_other() -> None:
    def fail(context: Context) -> Iterable[Subtype]:
        raise RuntimeError

    measurements = run(
        MadeCollector("K8s", ("server",), fail), MadeCollector("OS", ("grub",), finished("grub"))
    )
    assert [statuses(m) for m in measurements] == [[("server", "error")], [("grub", "ok")]]


def test_a_declared_subtype_that_never_came_is_an_error() -> None:
    (measurement,) = run(MadeCollector("OS", ("a", "b"), finished("a")))
    assert statuses(measurement) == [("a", "ok"), ("b", "error")]


@dataclass(frozen=True)
class ChosenCollector(MadeCollector):
    """One whose subtypes the caller chooses."""

    def choose_subtypes(self, context: Context) -> tuple[str, ...]:
        return context.settings.systemd_services


def test_of_a_collector_whose_subtypes_are_chosen_the_chosen_ones_are_expected() -> None:
    collector = ChosenCollector("SystemD", ("default",), finished("x", "b"))
    context = Context(HostPath(), settings=CollectSettings(systemd_services=("a", "b")))
    (measurement,) = run_collectors(
        [collector], context, time.monotonic() + LONG_S, lambda event: None
    )
    assert statuses(measurement) == [("a", "error"), ("b", "ok"), ("x", "ok")]


def test_a_hang_costs_what_was_not_read_and_nothing_before(hang: Callable[[], None]) -> None:
    def read_then_hang(context: Context) -> Iterator[Subtype]:
        yield Subtype("grub", {"quiet": ""})
        hang()
        yield Subtype("sysctl", {"late": ""})

    collector = MadeCollector("OS", ("sysctl", "kmod", "grub"), read_then_hang, SHORT_S)
    started = time.monotonic()
    (measurement,) = run(collector)
    assert time.monotonic() - started < 5
    assert statuses(measurement) == [("sysctl", "timeout"), ("kmod", "timeout"), ("grub", "ok")]
    assert measurement.subtypes[0].context["reason"] == "not read within 0.05 s"
    assert measurement.subtypes[2].data == {"quiet": ""}


def test_the_total_deadline_cuts_a_collectors_own(hang: Callable[[], None]) -> None:
    def wait_for_ever(context: Context) -> Iterator[Subtype]:
        hang()
        yield Subtype("grub")

    started = time.monotonic()
    (measurement,) = run(
        MadeCollector("OS", ("grub",), wait_for_ever, LONG_S), deadline=started + SHORT_S
    )
    assert time.monotonic() - started < 5
    assert statuses(measurement) == [("grub", "timeout")]


def test_a_stop_ends_the_wait_and_keeps_what_was_read(hang: Callable[[], None]) -> None:
    stop = threading.Event()

    def read_then_hang(context: Context) -> Iterator[Subtype]:
        yield Subtype("grub", {"quiet": ""})
        stop.set()
        hang()

    collector = MadeCollector("OS", ("grub", "kmod"), read_then_hang)
    end = time.monotonic() + LONG_S
    (measurement,) = run_collectors([collector], Context(HostPath()), end, lambda _: None, stop)
    assert time.monotonic() < end - LONG_S / 2
    assert statuses(measurement) == [("grub", "ok"), ("kmod", "timeout")]
    reason = measurement.subtypes[1].context["reason"]
    assert reason == "not read before the agent was stopped"


def test_a_deadline_already_past_ends_at_once_with_every_collector_named(
    hang: Callable[[], None],
) -> None:
    def wait_for_ever(context: Context) -> Iterator[Subtype]:
        hang()
        yield Subtype("grub")

    (measurement,) = run(MadeCollector("OS", ("grub",), wait_for_ever), deadline=0.0)
    assert statuses(measurement) == [("grub", "timeout")]
    assert measurement.subtypes[0].context["reason"] == "not read within 0 s"


def test_each_collector_is_reported_its_own_deadline() -> None:
    reported = {}

    def note(name: str) -> Callable[[Context], Iterable[Subtype]]:
        def body(context: Context) -> Iterator[Subtype]:
            reported[name] = context.deadline
            yield Subtype(name)

        return body

    before = time.monotonic()
    run(
        MadeCollector("K8s", ("K8s",), note("K8s"), 30.0),
        MadeCollector("OS", ("OS",), note("OS"), 90.0),
        deadline=before + LONG_S,
    )
    # The rest of a collector's time is for redaction.
    assert before + 27 <= reported["K8s"] < before + 28
    assert before + 0.9 * LONG_S <= reported["OS"] < before + 0.9 * LONG_S + 1


def test_a_result_that_comes_after_its_deadline_is_dropped() -> None:
    gave_up, is_through = threading.Event(), threading.Event()

    def late(context: Context) -> Iterator[Subtype]:
        assert gave_up.wait(LONG_S)
        yield Subtype("server", {"late": ""})
        is_through.set()  # the runner has the result in its queue now

    def patient(context: Context) -> Iterator[Subtype]:
        assert is_through.wait(LONG_S)
        yield Subtype("grub")

    def release(event: Mapping[str, object]) -> None:
        if (event["collector"], event["event"]) == ("K8s", "finished"):
            gave_up.set()

    measurements = run(
        MadeCollector("K8s", ("server",), late, SHORT_S),
        MadeCollector("OS", ("grub",), patient),
        on_event=release,
    )
    assert [statuses(m) for m in measurements] == [[("server", "timeout")], [("grub", "ok")]]
    assert measurements[0].subtypes[0].data == {}


def test_events_tell_each_start_and_each_end_in_the_callers_thread() -> None:
    events = []
    threads = set()

    def note(event: Mapping[str, object]) -> None:
        events.append(dict(event))
        threads.add(threading.current_thread())

    def time_out(context: Context) -> Iterable[Subtype]:
        raise Timeout("no answer")

    os_subtypes = [Subtype("a"), Subtype("b", context={"status": "forbidden"})]
    run(
        MadeCollector("K8s", ("server",), time_out),
        MadeCollector("OS", ("a", "b"), lambda context: os_subtypes),
        MadeCollector("GPU", (), lambda context: [Subtype("x", context={"status": "absent"})]),
        MadeCollector("SystemD", (), lambda context: [*os_subtypes[:1], *finished("c")(context)]),
        on_event=note,
    )
    assert all(isinstance(event.pop("elapsed-ms", 0), int) for event in events)
    started, ended = events[::2], events[1::2]
    assert [event["event"] for event in started] == ["started"] * 4
    assert sorted((str(e["collector"]), e["event"], e["status"]) for e in ended) == [
        ("GPU", "finished", "absent"),
        ("K8s", "finished", "timeout"),
        ("OS", "finished", "partial"),
        ("SystemD", "finished", "ok"),
    ]
    assert threads == {threading.current_thread()}


def test_collectors_that_read_files_do_not_compete_for_the_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "HEAD_START_S", LONG_S)  # this machine may be slow
    monkeypatch.setattr(runner, "HEAD_START_SHARE", 1)
    running: list[str] = []
    most = []

    def read(name: str, context: Context) -> Iterator[Subtype]:
        running.append(name)
        most.append(len(running))
        yield Subtype(name)
        running.remove(name)

    names = [f"t{index}" for index in range(8)]
    run(*(MadeCollector(name, (name,), partial(read, name)) for name in names))
    assert most == [1] * 8


def test_the_next_collector_does_not_wait_for_one_that_waits() -> None:
    second = threading.Event()
    reads = []

    def wait(context: Context) -> Iterator[Subtype]:
        assert second.wait(LONG_S)
        yield Subtype("a")

    def read(context: Context) -> Iterator[Subtype]:
        reads.append("OS")
        second.set()
        yield Subtype("b")

    first, other = run(MadeCollector("GPU", ("a",), wait), MadeCollector("OS", ("b",), read))
    assert (statuses(first), statuses(other)) == ([("a", "ok")], [("b", "ok")])
    assert reads == ["OS"]


def test_no_collector_gives_no_measurement() -> None:
    assert run() == ()


HANGING_PROGRAM = """
import threading, time
from types import SimpleNamespace
from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.registry import SubtypeSpec

def hang(context):
    threading.Event().wait()

grub = SubtypeSpec("grub")
collector = SimpleNamespace(TYPE="OS", SUBTYPES=(grub,), DEADLINE_S=0.05, collect=hang)
print(run_collectors([collector], Context(HostPath()), time.monotonic() + 60, lambda event: None))
"""


def test_a_hanging_collector_does_not_hold_the_end_of_the_process() -> None:
    result = subprocess.run(
        [sys.executable, "-c", HANGING_PROGRAM], capture_output=True, timeout=30, check=True
    )
    assert b"timeout" in result.stdout
    assert result.stderr == b""


REAL_THREAD = threading.Thread


class FewThreads:
    """`threading.Thread` where only so many may run at a time, as under podPidsLimit."""

    def __init__(self, most: int, refusals: int = 0) -> None:
        self.most, self.running, self.refusals = most, 0, refusals
        self.lock = threading.Lock()

    def __call__(self, target: Callable[..., None], **options: Any) -> threading.Thread:
        def run(*arguments: Any) -> None:
            target(*arguments)
            with self.lock:
                self.running -= 1

        thread = REAL_THREAD(target=run, **options)
        start = thread.start

        def start_if_allowed() -> None:
            with self.lock:
                if self.refusals or self.running >= self.most:
                    self.refusals = max(0, self.refusals - 1)
                    raise RuntimeError("can't start new thread")
                self.running += 1
            start()

        thread.start = start_if_allowed  # type: ignore[method-assign]
        return thread


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_collector_that_gets_no_thread_waits_for_one(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    few = FewThreads(most)
    monkeypatch.setattr(runner.threading, "Thread", few)
    names = ("a", "b", "c", "d")
    events: list[tuple[object, object]] = []
    measurements = run(
        *(MadeCollector(name, (name,), finished(name)) for name in names),
        on_event=lambda event: events.append((event["collector"], event["event"])),
    )
    assert [statuses(m) for m in measurements] == [[(name, "ok")] for name in names]
    assert [name for name, kind in events if kind == "started"] == list(names)


def test_the_first_collector_waits_a_moment_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.threading, "Thread", FewThreads(1, refusals=3))
    (measurement,) = run(MadeCollector("OS", ("grub",), finished("grub")))
    assert statuses(measurement) == [("grub", "ok")]


def test_without_any_thread_each_collector_is_a_gap_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "THREAD_S", 0.02)
    monkeypatch.setattr(runner.threading, "Thread", FewThreads(0))
    measurements = run(*(MadeCollector(name, (name,), finished(name)) for name in ("a", "b")))
    subtypes = [subtype for m in measurements for subtype in m.subtypes]
    assert [subtype.status for subtype in subtypes] == ["error", "error"]
    assert all("can't start new thread" in subtype.context["reason"] for subtype in subtypes)


def test_a_stopped_agent_does_not_wait_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "THREAD_S", LONG_S)
    monkeypatch.setattr(runner.threading, "Thread", FewThreads(0))
    stop = threading.Event()
    stop.set()
    collector = MadeCollector("OS", ("grub",), finished("grub"))
    end = time.monotonic() + 2 * LONG_S
    began = time.monotonic()
    run_collectors([collector], Context(HostPath()), end, lambda event: None, stop)
    assert time.monotonic() - began < LONG_S / 2
