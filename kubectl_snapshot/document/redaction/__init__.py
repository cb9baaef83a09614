"""What looks like a credential, and what is written in its place."""
