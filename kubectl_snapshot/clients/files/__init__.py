"""Files of the user's machine: YAML input, output, redaction key, zipapp, cache."""
