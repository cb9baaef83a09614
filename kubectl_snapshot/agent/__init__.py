"""One node captured through an agent pod."""
