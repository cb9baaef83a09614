"""Dispatch a command line to its command; the only place that maps errors to exit codes."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

from kubectl_snapshot.commands.all_commands import (
    ANSWERING,
    COMMANDS,
    COMPLETE,
    COMPLETE_FOR_KUBECTL,
    DEFAULT_COMMAND,
    split_command,
)
from kubectl_snapshot.commands.console.terminal import open_streams, prepare_streams, wants_colour
from kubectl_snapshot.errors import (
    EXIT_CODES,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNCLASSIFIED,
    ReaderLeft,
    SnapshotError,
    Terminated,
    exit_code,
)
from kubectl_snapshot.text import strip_control

# New objects before a collection. Imports and JSON make thousands and next to no cycles: with
# Python's default of 700, collections are 2 % of a capture's instructions.
GC_THRESHOLD = 20_000

TYPE_CHECKING = False  # importing typing would slow down every start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; catch every exception."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        gc.set_threshold(GC_THRESHOLD)
        sys.unraisablehook = raise_again
        open_streams()
        prepare_streams(sys.stdout, sys.stderr, os.environ)
    name = DEFAULT_COMMAND
    try:
        if words and words[0] in (COMPLETE, COMPLETE_FOR_KUBECTL):
            complete(words[1:], for_kubectl=words[0] == COMPLETE_FOR_KUBECTL)
        name, rest = split_command(words)
        if not name:
            from kubectl_snapshot.commands.flags.mistakes import explain_command

            raise explain_command(rest)
        command = load_command(name)
        parser = command.build_parser()
        from kubectl_snapshot.commands.flags.environment import parse_flags

        code = command.run(parse_flags(parser, rest, os.environ), sys.stdout)
        sys.stdout.flush()
        return int(code)
    except KeyboardInterrupt as interrupt:
        return interrupt.exit_code if isinstance(interrupt, Terminated) else EXIT_INTERRUPTED
    except ReaderLeft:
        return EXIT_CODES["INTERNAL"] if name in ANSWERING else EXIT_OK
    except SnapshotError as error:
        report_error(error, words)
        return choose_exit_code(error, name)
    except Exception as error:  # noqa: BLE001  the boundary: no traceback
        report_error(error, words)
        return choose_exit_code(error, name)


def raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send a signal again whose exception was ignored, as in the callbacks of import locks."""
    interrupt = unraisable.exc_value
    if not isinstance(interrupt, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import _thread
    import time

    number = getattr(interrupt, "exit_code", EXIT_INTERRUPTED) - 128

    def send() -> None:
        time.sleep(0.01)  # the callback has returned
        os.kill(os.getpid(), number)

    _thread.start_new_thread(send, ())


def choose_exit_code(error: Exception, name: str) -> int:
    """Return the exit code of an error; never 1 for a command whose 1 means "no"."""
    code = exit_code(error)
    is_ambiguous = code == EXIT_UNCLASSIFIED and name in ANSWERING
    return EXIT_CODES["INTERNAL"] if is_ambiguous else code


def complete(words: Sequence[str], for_kubectl: bool) -> NoReturn:
    """Print completion candidates for a shell, and exit at once."""
    # The process ends in a few milliseconds: collecting garbage only costs time.
    gc.disable()
    from kubectl_snapshot.commands.completion.answer import print_completion

    code = print_completion(words, os.environ, sys.stdout, for_kubectl)
    sys.stdout.flush()
    # Finalising the interpreter takes 3 ms, and longer while a request is pending.
    os._exit(code)


def load_command(name: str) -> ModuleType:
    """Return the module of one command."""
    return import_module(COMMANDS[name][0])


def report_error(error: Exception, words: Sequence[str]) -> None:
    """Print an error on stderr: what failed, the cause, and a hint."""
    from kubectl_snapshot.commands.console.progress import render_error, render_error_json
    from kubectl_snapshot.commands.flags.environment import TRUE_TEXTS

    def is_set(name: str) -> bool:
        variables = (f"KUBECTL_SNAPSHOT_{name}", f"AICR_{name}")
        return next((v in TRUE_TEXTS for v in map(os.environ.get, variables) if v), False)

    debug = "--debug" in words or is_set("DEBUG")
    if debug:
        import traceback

        trace = traceback.format_exception(type(error), error, error.__traceback__)
        sys.stderr.write(strip_control("".join(trace), keep="\n\t"))
    as_json = "--log-json" in words or is_set("LOG_JSON")
    text = (render_error_json if as_json else render_error)(error)
    if not as_json and wants_colour(sys.stderr, os.environ):
        from kubectl_snapshot.render.colour import paint_messages

        text = paint_messages(text)
    print(text, file=sys.stderr)
