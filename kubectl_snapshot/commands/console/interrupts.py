"""Signal handlers: the first Ctrl-C, SIGTERM or SIGHUP cleans up, the second exits at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Terminated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def raise_terminated() -> Iterator[None]:
    """Raise Terminated in the main thread at SIGTERM and SIGHUP, so that contexts clean up."""

    def handle(number: int, frame: Any) -> None:
        raise Terminated(number)

    numbers = [n for n in SIGNALS[1:] if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def install_handlers(
    clean_up_command: Callable[[], str], on_first: Callable[[int], None] | None = None
) -> None:
    """Install handlers: the first signal raises in the main thread, the second exits.

    `clean_up_command` returns the command that deletes the objects then left over. With `on_first`
    the first signal calls it with its number, and raises nothing.
    """
    seen: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if seen:
            text = f"\nexited without cleaning up; to do that, run\n  {clean_up_command()}\n"
            with contextlib.suppress(OSError):
                os.write(2, text.encode())
            os._exit(128 + number)
        seen.append(number)
        if on_first is not None:
            on_first(number)
            return
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(number)

    hook = sys.unraisablehook

    def forget_ignored(unraisable: sys.UnraisableHookArgs) -> None:
        """Count a signal that main.raise_again sends again as the first."""
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            seen.clear()
        hook(unraisable)

    sys.unraisablehook = forget_ignored
    for number in SIGNALS:
        # An ignored signal stays ignored: nohup, a background job of a script.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)
