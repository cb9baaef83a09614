"""kubectl snapshot completion SHELL: print a completion script, or install kubectl's shim."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from kubectl_snapshot.clients.files.zipapp import find_running_zipapp
from kubectl_snapshot.commands.completion.scripts import SCRIPTS
from kubectl_snapshot.commands.flags.parser import Parser, add_boolean_flag, new_parser
from kubectl_snapshot.commands.flags.shared import add_log_flags
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import EXIT_OK, InvalidRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

EXAMPLES = """\
  # Set up completion of `kubectl snapshot`, once
  kubectl snapshot completion bash --install

  # Complete `kubectl-snapshot` in this shell
  source <(kubectl-snapshot completion bash)
"""

# Startup file and line with which a shell loads a program's completion.
LOADING = {
    "bash": ("~/.bashrc", "source <({program} completion bash)"),
    "zsh": ("~/.zshrc, below compinit", "source <({program} completion zsh)"),
    "fish": ("~/.config/fish/config.fish", "{program} completion fish | source"),
}


def build_parser() -> Parser:
    parser = new_parser(
        "kubectl snapshot completion",
        "Print the completion script of kubectl-snapshot for a shell. With --install,\n"
        "also set up kubectl to complete `kubectl snapshot`.",
        usage="kubectl snapshot completion bash|zsh|fish [--install]",
        examples=EXAMPLES,
    )
    parser.add_argument("shell", choices=tuple(SCRIPTS), metavar="SHELL", help="bash, zsh or fish")
    add_boolean_flag(
        parser,
        "--install",
        variable=False,
        help="install kubectl_complete-snapshot beside kubectl-snapshot",
    )
    add_log_flags(parser)
    return parser


def run(args: argparse.Namespace, out: TextIO) -> int:
    out.write(install(args.shell, os.environ) if args.install else SCRIPTS[args.shell])
    return EXIT_OK


def install(shell: str, env: Mapping[str, str]) -> str:
    """Install the shim beside the kubectl-snapshot in PATH; return the remaining steps."""
    from kubectl_snapshot.clients.files.shim import ensure_shim

    path, is_new = ensure_shim(env.get("PATH", os.defpath), bool(find_running_zipapp()))
    file, line = LOADING[shell]
    if not path.isprintable():
        raise InvalidRequest(f"control characters in the path {path!r}")
    return (
        f"{path} {'installed' if is_new else 'is already installed'}; kubectl calls it on TAB\n"
        f"for `kubectl snapshot`, add to {file}: {line.format(program='kubectl')}\n"
        f"for `{NAME}`, add to {file}: {line.format(program=NAME)}\n"
    )
