"""Question and passages to scores: one reranker a file."""
