"""The commands: one module each, with build_parser() and run(args, out)."""
