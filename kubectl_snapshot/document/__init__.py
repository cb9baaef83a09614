"""The Snapshot and its codecs. Pure: no I/O, no clock, no environment."""
