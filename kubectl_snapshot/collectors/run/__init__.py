"""Collectors to a document: context, threads with deadlines, composition, timing."""
