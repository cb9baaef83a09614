"""The reference's rules as data, run through the project's own functions."""
