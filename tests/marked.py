"""Questions and records for the tests of an evaluation, in the form of the files."""

import json

from rag.marks import mark
from rag.questions import parse_questions


def question(question_id="q1", **fields):
    """One question about page 2 of `harbour`, as a line of a question file holds it."""
    return {
        "id": question_id,
        "type": "factoid",
        "question": "Who built the harbour?",
        "readings": ["harbour"],
        "answer": "masons",
        "keys": [["masons"]],
        "evidence": [{"reading": "harbour", "page": 2, "quote": "built by masons"}],
        "answerable": True,
    } | fields


def unanswerable(question_id, **fields):
    return (
        question(
            question_id, type="unanswerable", readings=[], keys=[], evidence=[], answerable=False
        )
        | fields
    )


def passage(reading="harbour", pages=(2,), text="It was built by masons."):
    return {"reading": reading, "title": "The Harbour", "pages": list(pages), "text": text}


def parsed(**fields):
    return parse_questions([json.dumps(question(**fields))], "test.jsonl")[0]


def marks(fields=None, passages=(), k=10, **answer):
    record = {"passages": list(passages)} | ({"citations": []} | answer if answer else {})
    return mark(parsed(**(fields or {})), record, k)
