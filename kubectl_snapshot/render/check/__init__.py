"""What a check looks like: text, JSON, JUnit XML, annotations."""
