"""Format html: one self-contained page of a snapshot or of a diff."""
