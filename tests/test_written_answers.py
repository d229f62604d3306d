"""Answers that an LLM writes: streamed, cited, and replaced where the LLM fails."""

import itertools

import pytest

from rag import prompt
from rag.assembly import open_engine
from rag.llms import llama_bridge
from rag.settings import Settings
from tests.llm_server import answer, cut, malformed, serving, silence, status

QUESTION = "Who built the harbour?"
TRUE = "The harbour was built by masons from Genoa in 1311 [1]."
FAILURES = {
    "refused key": status(401),
    "busy": status(429),
    "out of order": status(500),
    "silence": silence(),
    "cut": cut(["Masons ", "from "], politely=False),
    "ended early": cut(["Masons ", "from "], politely=True),
    "malformed": malformed(["Masons "]),
    "empty": answer([]),
    "blank": answer([" ", "\n"]),
    "markers only": answer(["[1]", "[2]"]),
    "limit": answer(["Masons "], reason="limit"),
    "endless": answer(["masons built it and "] * 100_000),
}


@pytest.fixture(scope="module")
def server():
    with serving() as room:
        yield room


BACKENDS = {"openai:small": "/v1", "anthropic:claude-haiku-4-5": "", "ollama:small": ""}


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request, harbour, server):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-secret")
        patch.setenv("ANTHROPIC_API_KEY", "sk-secret")
        opened = open_engine(
            Settings(
                corpus=str(harbour.corpus),
                index=str(harbour.index),
                llm=request.param,
                llm_url=server.url + BACKENDS[request.param],
                llm_timeout=3,
            )
        )
        # The client's first request loads modules, which may take longer than that.
        server.says(answer([TRUE]))
        list(opened.ask(QUESTION))
        yield opened


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(llama_bridge, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(llama_bridge, "_HEARTBEAT", 0.05)


def pieces(text):
    return [text[at : at + 7] for at in range(0, len(text), 7)]


def last(engine, question=QUESTION):
    *_, answered = engine.ask(question)
    return answered


def test_a_sentence_is_cited_with_the_words_that_bear_it_out(engine, server):
    server.says(answer(pieces(TRUE)))
    found = last(engine)
    assert found.text == "The harbour was built by masons from Genoa in 1311. [1]"
    (citation,) = found.citations
    assert citation.quote == "The harbour was built by masons from Genoa in 1311."
    assert citation.status == "quoted"
    assert citation.boxes
    assert found.llm in BACKENDS
    assert (found.done, found.abstained) == (True, False)
    assert (found.notice, found.unfinished) == ("", "")


def test_the_answer_grows_and_cites_each_sentence_once_the_next_begins(engine, server):
    server.says(answer(pieces(f"{TRUE} Nobody knows why [2]."), pause=0.02))
    grown = [found for found in engine.ask(QUESTION) if found.text]
    assert not any(found.done for found in grown[:-1])
    assert grown[-1].done
    assert len(grown) > 5
    for before, after in itertools.pairwise(grown):
        assert len(before.citations) <= len(after.citations)
    assert {len(found.citations) for found in grown} == {0, 1, 2}
    assert not any(prompt.UNCITED in found.text for found in grown)


def test_what_the_passage_does_not_say_is_not_borne_out(engine, server):
    server.says(answer(["The harbour was built by masons from Genoa in 1411 [1]."]))
    assert [citation.status for citation in last(engine).citations] == ["unsupported"]


def test_markers_that_point_nowhere_and_sentences_without_any_are_shown(engine, server):
    server.says(answer(["Masons built it [1][99]. ", "It is old [0]. ", "It is grey."]))
    found = last(engine)
    assert found.text == (
        "Masons built it. [1] [99: no such passage] It is old. [0: no such passage] "
        f"It is grey. {prompt.UNCITED}"
    )
    assert len(found.citations) == 1


def test_a_passage_cited_twice_has_a_quote_for_each_sentence(engine, server):
    server.says(answer([f"{TRUE} Masons from Genoa built the harbour in 1311 [1]."]))
    first, second = last(engine).citations
    assert (first.marker, second.marker) == (1, 2)
    assert first.passage == second.passage


def test_declining_is_no_answer_and_shows_what_was_searched(engine, server):
    server.says(answer(pieces(prompt.NOT_ANSWERED)))
    grown = list(engine.ask(QUESTION))
    assert grown[-1].abstained
    assert grown[-1].citations == ()
    assert "did not find" in grown[-1].text
    assert {found.text for found in grown[:-1]} <= {""}


@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_llm_fails_the_readings_answer_and_a_line_says_so(engine, server, failure):
    server.says(FAILURES[failure])
    found = last(engine)
    assert "masons from Genoa" in found.text
    assert found.citations[0].status == "quoted"
    assert (found.llm, found.done) == ("extractive", True)
    assert "in the readings' own words instead" in found.notice
    assert "\n" not in found.notice
    assert "sk-secret" not in repr(found)
    begun = {"cut", "ended early", "malformed", "limit", "endless"}
    assert found.unfinished.lower().startswith("masons") == (failure in begun)
    assert len(found.unfinished) < 2 * prompt.MOST_CHARACTERS


def test_the_next_question_is_answered_again(engine, server):
    server.says(status(401), answer([TRUE]))
    assert last(engine).notice
    assert not last(engine).notice


def test_nothing_found_by_either_is_declined_with_the_line(engine, server):
    server.says(status(401))
    found = last(engine, "What is the boiling point of tungsten?")
    assert found.abstained
    assert found.notice


def test_leaving_ends_the_request_even_while_the_llm_is_silent(engine, server):
    server.says(silence())
    answers = engine.ask(QUESTION)
    assert next(answers).text == ""
    while not server.requests:
        grown = next(answers)
        assert grown.text == "", grown.notice
    answers.close()
    assert server.hung_up.wait(10)


def test_the_prompt_holds_the_passages_that_are_cited(engine, server):
    server.says(answer([TRUE]))
    found = last(engine)
    assert server.requests, found.notice
    (request,) = server.requests
    said = str(request["messages"][-1]["content"])
    assert "masons from Genoa" in said
    assert said.count("<<passage ") == len(found.passages)
    limits = request.get("max_tokens"), request.get("options", {}).get("num_predict")
    assert prompt.ANSWER_TOKENS in limits


def test_without_an_llm_nobody_is_asked(harbour, server):
    server.says(answer([TRUE]))
    engine = open_engine(Settings(corpus=str(harbour.corpus), index=str(harbour.index)))
    assert last(engine).llm == "extractive"
    assert server.requests == []
