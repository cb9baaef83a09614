"""Run redaction cases: `python -m tests.redaction FILE…`."""
