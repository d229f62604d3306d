"""Question to passages: one retriever a file."""
