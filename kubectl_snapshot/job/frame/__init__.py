"""The frame, a document as log lines: the agent encodes it, the client decodes it."""
