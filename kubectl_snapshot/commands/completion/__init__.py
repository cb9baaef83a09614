"""Completion in bash, zsh and fish: the command, the scripts, the candidates."""
