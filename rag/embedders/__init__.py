"""Texts to unit vectors: one embedder a file."""
