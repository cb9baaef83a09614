"""The command line: which verb, and the one boundary where errors become exit codes."""

from __future__ import annotations

import os
import sys

from kubectl_snapshot.commands.all_commands import (
    ANSWERING,
    COMMANDS,
    COMPLETE,
    COMPLETE_FOR_KUBECTL,
    DEFAULT_COMMAND,
    split_command,
)
from kubectl_snapshot.commands.terminal import prepare_streams, wants_colour
from kubectl_snapshot.errors import (
    EXIT_CODES,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNCLASSIFIED,
    SnapshotError,
    Terminated,
    exit_code,
)
from kubectl_snapshot.text import strip_control

TYPE_CHECKING = False  # typing's is slow to import, and every start pays
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Nothing but this catches every exception."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        prepare_streams(sys.stdout, sys.stderr, os.environ)
    name = DEFAULT_COMMAND
    try:
        if words and words[0] in (COMPLETE, COMPLETE_FOR_KUBECTL):
            complete(words[1:], for_kubectl=words[0] == COMPLETE_FOR_KUBECTL)
        name, rest = split_command(words)
        command = load_command(name)
        parser = command.build_parser()
        from kubectl_snapshot.commands.flags.environment import parse_flags

        code = command.run(parse_flags(parser, rest, os.environ), sys.stdout)
        sys.stdout.flush()
        return int(code)
    except KeyboardInterrupt as interrupt:
        return interrupt.exit_code if isinstance(interrupt, Terminated) else EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_CODES["INTERNAL"] if name in ANSWERING else EXIT_OK
    except SnapshotError as error:
        report_error(error, words)
        return choose_exit_code(error, name)
    except Exception as error:  # noqa: BLE001  the boundary: nothing may end in a traceback
        report_error(error, words)
        return choose_exit_code(error, name)


def choose_exit_code(error: Exception, name: str) -> int:
    """Return the exit code of an error in a verb; where 1 is an answer, no error ends in it."""
    code = exit_code(error)
    is_mistaken = code == EXIT_UNCLASSIFIED and name in ANSWERING
    return EXIT_CODES["INTERNAL"] if is_mistaken else code


def complete(words: Sequence[str], for_kubectl: bool) -> NoReturn:
    """Answer a shell that asks what could be typed next, and end at once."""
    import gc

    # What is loaded stays until the end, a few milliseconds from here.
    gc.disable()
    from kubectl_snapshot.commands.completion.answer import run_words

    code = run_words(words, os.environ, sys.stdout, for_kubectl)
    sys.stdout.flush()
    # To take an interpreter apart lasts 3 ms, and longer where a server is still waited for.
    os._exit(code)


def load_command(name: str) -> ModuleType:
    """Return the module of one verb."""
    from importlib import import_module

    return import_module(COMMANDS[name][0])


def report_error(error: Exception, words: Sequence[str]) -> None:
    """Tell an error on stderr: what, why, and what to type next."""
    from kubectl_snapshot.commands.progress import render_error, render_error_json

    debug = "--debug" in words or os.environ.get("KUBECTL_SNAPSHOT_DEBUG") == "true"
    if debug:
        import traceback

        trace = traceback.format_exception(type(error), error, error.__traceback__)
        sys.stderr.write(strip_control("".join(trace), keep="\n\t"))
    as_json = "--log-json" in words or os.environ.get("KUBECTL_SNAPSHOT_LOG_JSON") == "true"
    text = (render_error_json if as_json else render_error)(error)
    if not as_json and wants_colour(sys.stderr, os.environ):
        from kubectl_snapshot.render.colour import paint_talk

        text = paint_talk(text)
    print(text, file=sys.stderr)
