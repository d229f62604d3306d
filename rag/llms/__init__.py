"""Passages to an answer: one backend a file."""
