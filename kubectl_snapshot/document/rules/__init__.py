"""Rules over a document: parsed, and evaluated."""
