"""The values as other programs read them: plain dictionaries in the form of the command contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.types import Answer, Box, Citation, Passage

Record = dict[str, Any]


def question_record(typed: str, meant: str) -> Record:
    """A question as it was typed, and as it was asked in the end where that is another."""
    return {"question": typed} | ({} if typed.split() == meant.split() else {"asked": meant})


def passage_record(passage: Passage) -> Record:
    """A passage: rank from 1, pages ascending, section as one line, text whole."""
    chunk, window = passage.chunk, passage.chunk.window
    return {
        "rank": passage.rank,
        "reading": chunk.reading.reading_id,
        "title": chunk.reading.title,
        "pages": list(window.pages),
        "section": " > ".join(window.section),
        "kind": window.kind,
        "text": window.text,
        "score": round(passage.score, 4),
    }


def citation_record(citation: Citation) -> Record:
    """A citation: ``text`` is the passage, ``quote`` the words that answer, boxes in PDF points
    from the page's top left.
    """
    return {
        "marker": citation.marker,
        "reading": citation.passage.chunk.reading.reading_id,
        "title": citation.passage.chunk.reading.title,
        "pages": list(citation.pages),
        "quote": citation.quote,
        "text": citation.passage.chunk.window.text,
        "status": citation.status,
        "moved": citation.moved,
        "boxes": box_records(citation.boxes),
    }


def box_records(boxes: Sequence[Box]) -> list[Record]:
    """Boxes in PDF points from the page's top left, in the order given."""
    return [
        {"page": box.page}
        | {side: round(getattr(box, side), 2) for side in ("x0", "y0", "x1", "y1")}
        for box in boxes
    ]


def answer_record(answer: Answer) -> Record:
    """A finished answer with its passages and citations."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "llm": answer.llm,
        "notice": answer.notice,
        "unfinished": answer.unfinished,
        "searched": [reading.reading_id for reading in answer.searched],
        "citations": [citation_record(citation) for citation in answer.citations],
        "passages": [passage_record(passage) for passage in answer.passages],
        "seconds": {stage: round(seconds, 4) for stage, seconds in answer.seconds},
    }
