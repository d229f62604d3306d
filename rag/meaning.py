"""What is known of an index that helps to see what a question means by its words."""

from __future__ import annotations

from dataclasses import dataclass

from rag.abbreviations import Abbreviations
from rag.mentions import Mentions
from rag.names import Names


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whose words ``mentions`` are, what ``abbreviations`` stand for, and the readings' ``names``."""

    mentions: Mentions
    abbreviations: Abbreviations
    names: Names
