"""Capture many nodes in one run: select, run one pod a node, write one directory."""
