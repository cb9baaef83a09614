"""Ctrl-C, SIGTERM and SIGHUP: the first one cleans up, the second one leaves at once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import Terminated

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def install_handlers(clean_up_command: Callable[[], str]) -> None:
    """Make the first signal raise in the main thread and the second one end the process.

    `clean_up_command` returns what the user types to remove what is then left.
    """
    seen: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if seen:
            text = f"\nleft at once; remove what is left with\n  {clean_up_command()}\n"
            os.write(2, text.encode())
            os._exit(128 + number)
        seen.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(number)

    for number in SIGNALS:
        signal.signal(number, handle)
