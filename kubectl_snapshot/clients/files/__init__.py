"""Files of the machine that runs the command."""
