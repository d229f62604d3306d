"""What the page says of an error that nobody foresaw."""

from __future__ import annotations

import logging
import uuid


def unforeseen(log: logging.Logger) -> str:
    """A sentence with the number by which the error being handled is found in the log."""
    reference = uuid.uuid4().hex[:8]
    log.exception("reference %s", reference)
    return f"Something went wrong (reference {reference})."
