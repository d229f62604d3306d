"""The product through the same door, for warm searches; it is indexed and asked by its own commands."""

from __future__ import annotations

import os

from peer import WANTED, Retrieve, run

from rag.assembly import open_engine
from rag.records import passage_record
from rag.settings import Settings


def build(recipe: str, folder: str, target: str) -> None:
    """Not used: see ``python -m rag.index``."""
    raise NotImplementedError


def opened(recipe: str, target: str) -> Retrieve:
    """The engine's search over the index in ``target``."""
    os.environ["RAG_INDEX"] = target
    engine = open_engine(Settings.load(None))
    return lambda question: [passage_record(found) for found in engine.search(question, WANTED)]


if __name__ == "__main__":
    run(build, opened)
