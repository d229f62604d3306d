"""PDF to pages of blocks: one parser a file."""
