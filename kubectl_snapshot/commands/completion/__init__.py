"""Completion in bash, zsh and fish: the verb, the scripts and the answers."""
