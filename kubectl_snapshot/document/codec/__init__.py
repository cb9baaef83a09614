"""Documents to text and back: the tree of a document, JSON, YAML."""
