"""A real language model, if a silly one, writes the answers: what it makes up is not borne out."""

import json
import re

import pytest

from rag import prompt
from rag.assembly import open_engine
from rag.settings import Settings
from tests import smollm
from tests.conftest import Command

QUESTIONS = (
    "Who built the harbour?",
    "How many boats does the fleet count?",
    "What is the boiling point of tungsten?",
)
BUILT = "The harbour was built by masons from Genoa in "
# Left alone the model goes on and on, and leaves markers out. It may say what it will in two or
# three sentences: the first names a passage that exists, the second leaves only the year to it,
# and the third may name any passage or none.
GRAMMAR = rf"""
root ::= said " [" [12] "]. {BUILT}" [0-9] [0-9] [0-9] [0-9] " [" [12] "]." more?
more ::= " " said (" [" [1-9] "]")? "."
said ::= [A-Z] [A-Za-z0-9,' -]{{10,80}} [a-z] [a-z]
"""
MARKED = re.compile(
    r"\s*(?P<said>.+?)(?P<marks>(?: \[(?:\d+(?:: no such passage)?|no passage named)\])+)(?=\s|\Z)",
    re.S,
)


@pytest.fixture(scope="module")
def server():
    """The address of a server whose model keeps to the grammar."""
    with smollm.serving(4096, GRAMMAR) as address:
        yield address


def asking(harbour, address):
    """The commands with the model at this address for an LLM."""
    settings = {"llm_model": smollm.NAME, "llm_url": address, "passages": "2"}
    # A busy machine needs more than half a minute to read the prompt.
    return Command(harbour.corpus, harbour.index, **settings, llm_timeout="300")


@pytest.fixture(scope="module")
def command(harbour, server):
    return asking(harbour, server)


def asked(command, question, monkeypatch):
    """All answers to a question, as they grow, by the settings of the environment."""
    for name, value in command.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAG_LLM", "openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    # With another code in each prompt it would say something else each time.
    monkeypatch.setattr(prompt.secrets, "token_hex", lambda size: "5e" * size)
    return list(open_engine(Settings.load()).ask(question))


def sentences(text):
    """(sentence, its markers) of an answer of which nothing is left over."""
    found = [(m["said"], re.findall(r"\[(.+?)\]", m["marks"])) for m in MARKED.finditer(text)]
    assert MARKED.sub("", text).strip() == "", text
    return found


def letters(text):
    return "".join(filter(str.isalnum, text.casefold()))


def words(text):
    return set(re.findall(r"[^\W\d_]{4,}", text.casefold()))


def numbers(text):
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def check(said, status, quote, text):
    """The status does not promise more than the passage holds; this counts words by itself."""
    assert status in {"quoted", "supported", "unsupported"}
    assert letters(quote) in letters(text)
    if "tungsten" in words(said):
        assert status == "unsupported", said
    if said.startswith(BUILT):
        assert (status == "unsupported") == (said not in text)
    if status == "quoted":
        assert letters(said) in letters(text)
    if status == "supported":
        assert numbers(said) <= numbers(text), (said, text)
        # One, for a sentence may say "the year of the construction" where it was "built".
        assert words(said) & words(text), (said, text)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_real_models_answer_streams_and_is_checked(command, question, monkeypatch):
    *grown, last = asked(command, question, monkeypatch)
    assert last.done
    assert (last.llm, last.notice, last.unfinished) == (f"openai:{smollm.NAME}", "", "")
    assert not any(found.done for found in grown)
    assert len({found.text for found in grown}) > 5
    said = sentences(last.text)
    assert said
    for sentence, marks in said:
        for mark in marks:
            if mark.isdigit():
                citation = last.citations[int(mark) - 1]
                text = citation.passage.chunk.window.text
                assert citation.boxes
                check(sentence, citation.status, citation.quote, text)
            else:
                assert f"[{mark}]" in {prompt.UNCITED, *map(prompt.points_nowhere, range(3, 10))}
    assert sum(mark.isdigit() for _, marks in said for mark in marks) == len(last.citations) > 0


def test_the_command_asks_it_too(command):
    done = command("ask", QUESTIONS[0], "--llm", "openai", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["llm"], record["notice"]) == (f"openai:{smollm.NAME}", "")
    assert sentences(record["answer"])
    assert record["citations"]
    for citation in record["citations"]:
        (sentence,) = [s for s, m in sentences(record["answer"]) if str(citation["marker"]) in m]
        check(sentence, citation["status"], citation["quote"], citation["text"])


def test_left_alone_it_is_shown_uncited_or_replaced(harbour, monkeypatch):
    with smollm.serving(1536) as address:
        *_, last = asked(asking(harbour, address), QUESTIONS[0], monkeypatch)
    assert last.done
    if last.notice:
        # It had room for some hundred tokens, used them up, and the readings answered instead.
        assert "limit of tokens" in last.notice
        assert last.unfinished
        assert last.llm == "extractive"
    for sentence, marks in sentences(last.text):
        for mark in filter(str.isdigit, marks):
            citation = last.citations[int(mark) - 1]
            text = citation.passage.chunk.window.text
            check(sentence, citation.status, citation.quote, text)
