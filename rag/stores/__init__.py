"""Vectors to nearest rows: one store a file."""
