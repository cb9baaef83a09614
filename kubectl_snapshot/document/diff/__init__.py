"""What differs between two documents, and what does not count."""
