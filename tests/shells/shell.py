"""A real shell in a terminal: typing a line, pressing TAB, reading what then stands there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect

READY = "READY> "
TIMEOUT_S = 20
COLUMNS = 160
TAB, DUMP, CLEAR = "\t", "\x18d", "\x15"
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"

# What each shell is started with; PROGRAM completion is sourced for both programs. C-x d shows
# what stands on the line.
ARGUMENTS = {
    "bash": ["--noprofile", "--norc", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
SETUP = {
    "bash": f"""
        PS1='{READY}'; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
        bind 'set completion-query-items 0'; bind 'set page-completions off'
        dump() {{ printf '<<%s>>' "$READLINE_LINE"; }}; bind -x '"\\C-xd": dump'
        source {BASH_COMPLETION}
        source <(kubectl completion bash); source <(kubectl-snapshot completion bash)
    """,
    "zsh": f"""
        PS1='{READY}'; unsetopt zle_bracketed_paste prompt_sp; autoload -Uz compinit
        compinit -u -d $HOME/zcompdump; LISTMAX=0
        dump() {{ print -n "<<$BUFFER>>" }}; zle -N dump
        bindkey '^Xd' dump; bindkey '^U' kill-whole-line
        source <(kubectl completion zsh); source <(kubectl-snapshot completion zsh)
    """,
    "fish": f"""
        function fish_prompt; printf '{READY}'; end; set -g fish_greeting
        set -g fish_autosuggestion_enabled 0
        bind \\cxd 'printf "<<%s>>" (commandline)'; bind \\cu 'commandline ""'
        kubectl completion fish | source; kubectl-snapshot completion fish | source
    """,
}


@dataclass(frozen=True)
class Shell:
    name: str
    terminal: pexpect.spawn

    def complete(self, line: str, times: int = 1) -> str:
        """Return what stands on the line after TAB."""
        self.terminal.send(CLEAR + line + TAB * times + DUMP)
        self.terminal.expect(r"<<(.*?)>>")
        return str(self.terminal.match.group(1))

    def list(self, line: str) -> str:
        """Return what the shell shows when TAB is pressed until it lists."""
        self.complete(line, times=3 if self.name == "bash" else 2)
        return plain(str(self.terminal.before))

    def run(self, line: str) -> str:
        """Return what a command prints."""
        self.terminal.send(f"{CLEAR}{line}; echo END''OF\r")
        self.terminal.expect("ENDOF\r")
        return plain(str(self.terminal.before))


def plain(text: str) -> str:
    """Return a terminal's text without what moves its cursor or changes its colour."""
    return re.sub(
        r"\x1b(\[[0-9;?>=]*[A-Za-z]|[()][A-Z0-9]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>78])", "", text
    )


@contextmanager
def open_shell(name: str, environment: Mapping[str, str], directory: Path) -> Iterator[Shell]:
    """Yield a shell that completes `kubectl snapshot` and `kubectl-snapshot`."""
    program = shutil.which(name)
    assert program, f"{name} is missing: scripts/test-packages {name}"
    terminal = pexpect.spawn(
        program,
        ARGUMENTS[name],
        env={**environment, "TERM": "xterm", "SHELL": program},
        cwd=str(directory),
        dimensions=(50, COLUMNS),
        encoding="utf-8",
        timeout=TIMEOUT_S,
    )
    shell = Shell(name, terminal)
    try:
        for line in filter(None, map(str.strip, SETUP[name].splitlines())):
            shell.run(line)
        yield shell
    finally:
        terminal.close(force=True)
