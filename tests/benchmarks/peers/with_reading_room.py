"""The product's warm searches as the peers' are timed; it is indexed and asked by its own commands.

``RAG_INDEX=FOLDER python with_reading_room.py QUESTIONS.jsonl``
"""

from __future__ import annotations

import sys
from pathlib import Path

from peer import WANTED, search

from rag.assembly import open_engine
from rag.records import passage_record
from rag.settings import Settings

if __name__ == "__main__":
    engine = open_engine(Settings.load(None))
    search(lambda asked: list(map(passage_record, engine.search(asked, WANTED))), Path(sys.argv[1]))
