"""Citations of an answer whose LLM cites by chance."""

import random
import unicodedata

import pytest

from rag import prompt
from rag.assembly import open_checker
from rag.citations import Draft
from rag.sentences import sentences
from rag.settings import Settings

ANSWERS = 200
QUESTIONS = (
    "How is the training data collected?",
    "Which benchmarks are used for evaluation?",
    "What is chain-of-thought prompting?",
    "Why is reinforcement learning used?",
    "How large are the models?",
)


@pytest.fixture(scope="module")
def opened(readings):
    return open_checker(Settings(corpus=str(readings.corpus), index=str(readings.index)))


def plain(text):
    return " ".join(unicodedata.normalize("NFKC", text).split())


def an_answer(passages, chance):
    """Two sentences of the passages, each with a marker drawn from those there are and two more."""
    said = []
    while len(said) < 2:
        text = chance.choice(passages).chunk.window.text
        start, end = chance.choice(sentences(text) or [(0, 0)])
        if len(text[start:end].split()) > 6 and "[" not in text[start:end]:
            said.append((plain(text[start:end]), chance.randint(1, len(passages) + 2)))
    return said


def test_no_wrong_marker_of_200_answers_that_cite_by_chance_passes_unseen(opened):
    engine, checker = opened
    found = [engine.search(question, 8) for question in QUESTIONS]
    chance = random.Random(1993)
    wrong = moved = nowhere = 0
    for _ in range(ANSWERS):
        passages = chance.choice(found)
        for text, marker in an_answer(passages, chance):
            draft = Draft(passages, passages, checker)
            shown, citations = draft.shown([prompt.Said(text, (marker,))], whole=True)
            exists = marker <= len(passages)
            right = exists and text in plain(passages[marker - 1].chunk.window.text)
            wrong += not right
            moved += sum(citation.moved for citation in citations)
            nowhere += prompt.points_nowhere(marker) in shown
            assert exists != (prompt.points_nowhere(marker) in shown)
            for citation in citations:
                bears = text in plain(citation.passage.chunk.window.text)
                assert bears or citation.status == "unsupported", (text, citation)
                assert citation.moved == (not right and bears)
    assert wrong > ANSWERS
    assert moved > wrong / 2
    assert nowhere > 0
