"""kubectl snapshot completion SHELL: complete words on TAB, here and through kubectl itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.commands.completion.scripts import SCRIPTS
from kubectl_snapshot.commands.flags.parser import Parser, add_boolean_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

EXAMPLES = """\
examples:
  kubectl snapshot completion bash --install    let kubectl complete `kubectl snapshot`, once
  source <(kubectl-snapshot completion bash)    complete kubectl-snapshot in this shell
"""

# How a shell loads the completion of a program.
LOADING = {
    "bash": ("~/.bashrc", "source <({program} completion bash)"),
    "zsh": ("~/.zshrc, below compinit", "source <({program} completion zsh)"),
    "fish": ("~/.config/fish/config.fish", "{program} completion fish | source"),
}


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot completion",
        "Print what a shell sources to complete kubectl-snapshot. With --install, let kubectl\n"
        "complete `kubectl snapshot` too.",
        usage="kubectl snapshot completion bash|zsh|fish [--install]",
        epilog=EXAMPLES,
    )
    parser.add_argument("shell", choices=tuple(SCRIPTS), help="the shell that is typed in")
    add_boolean_flag(
        parser,
        "--install",
        variable=False,
        help="put kubectl_complete-snapshot, which kubectl asks, beside kubectl-snapshot",
    )
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    out.write(install(args.shell, os.environ) if args.install else SCRIPTS[args.shell])
    return EXIT_OK


def install(shell: str, env: Mapping[str, str]) -> str:
    """Put the shim beside the kubectl-snapshot of the PATH; return what is still to be done."""
    from kubectl_snapshot.clients.files.shim import ensure_shim
    from kubectl_snapshot.clients.files.zipapp import find_running_zipapp

    path, is_new = ensure_shim(env.get("PATH", os.defpath), bool(find_running_zipapp()))
    file, line = LOADING[shell]
    if not path.isprintable():
        raise InvalidRequest(f"the path {path!r} has control characters")
    return (
        f"{path} is {'there' if is_new else 'there already'}: kubectl asks it on TAB\n"
        f"for `kubectl snapshot`, {file} needs: {line.format(program='kubectl')}\n"
        f"for `{NAME}`, {file} needs: {line.format(program=NAME)}\n"
    )
