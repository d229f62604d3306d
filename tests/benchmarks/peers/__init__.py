"""What a user would pick instead, run beside the product: see ``__main__``."""
