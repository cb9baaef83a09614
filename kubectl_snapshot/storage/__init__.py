"""Read and write snapshots and templates: files, stdin, ConfigMaps."""
