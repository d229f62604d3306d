"""Reading Room inside llama-index: its own query engine, synthesizer, tool and evaluator use it."""

import asyncio
import json
import socket
import threading

import pytest
from llama_index.core import Settings as GlobalSettings
from llama_index.core.evaluation import RetrieverEvaluator
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import MetadataMode
from llama_index.core.tools import QueryEngineTool

from rag.adapters.llama_index import ReadingsQueryEngine, ReadingsRetriever
from rag.assembly import open_engine
from rag.errors import IndexMissing, QuestionError, ReadingError
from rag.settings import Settings
from tests.llm_server import answer, cut, serving, silence

QUESTION = "Who built the harbour?"
WORDS = "The harbour was built by masons from Genoa in 1311."


@pytest.fixture(scope="module")
def settings(harbour):
    return Settings(corpus=str(harbour.corpus), index=str(harbour.index))


@pytest.fixture(scope="module")
def engine(settings):
    return open_engine(settings)


@pytest.fixture(autouse=True)
def sealed(monkeypatch):
    """No key to be found, no model to fall back on, and no way out of this machine."""
    connect = socket.socket.connect

    def local(self, address):
        assert address[0] == "127.0.0.1", f"{address} was to be reached"
        return connect(self, address)

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(socket.socket, "connect", local)
    for name in ("llm", "embed_model"):
        monkeypatch.setattr(type(GlobalSettings), name, property(lambda _: pytest.fail("Settings")))


@pytest.fixture
def retriever(engine):
    return ReadingsRetriever(engine, k=5)


def test_a_node_says_where_its_text_stands(retriever, engine):
    first = retriever.retrieve(QUESTION)[0]
    (passage, *_) = engine.search(QUESTION, 5)
    assert WORDS in first.text
    assert first.score == passage.score
    assert first.node.ref_doc_id == "harbour"
    boxes = first.metadata.pop("boxes")
    assert first.metadata == {
        "reading": "harbour",
        "title": "A Short History of the Harbour",
        "pages": [1],
        "section": " > ".join(passage.chunk.window.section),
        "kind": "paragraph",
    }
    assert boxes
    assert all(box["page"] == 1 and box["x0"] < box["x1"] for box in boxes)
    json.dumps(boxes)


def test_ids_are_the_same_after_a_rebuild(retriever, harbour, tmp_path):
    again = Settings(corpus=str(harbour.corpus), index=str(tmp_path / "index"))
    rebuilt = type(harbour)(harbour.corpus, tmp_path / "index")
    assert rebuilt("index").returncode == 0
    ids = [node.node_id for node in retriever.retrieve(QUESTION)]
    assert ids == [n.node_id for n in ReadingsRetriever.open(again, k=5).retrieve(QUESTION)]
    assert len(set(ids)) == len(ids) == 5


def test_models_are_shown_the_place_but_no_boxes_or_ids(retriever):
    node = retriever.retrieve(QUESTION)[0].node
    shown = node.get_content(MetadataMode.LLM)
    assert "A Short History of the Harbour" in shown
    assert "pages: [1]" in shown
    embedded = node.get_content(MetadataMode.EMBED)
    assert "A Short History of the Harbour" in embedded
    for text, hidden in ((shown, ("boxes", "kind")), (embedded, ("boxes", "kind", "pages"))):
        assert WORDS in text
        assert not any(f"{name}:" in text for name in (*hidden, "reading"))


def test_it_opens_by_the_environments_settings(harbour, monkeypatch):
    monkeypatch.setenv("RAG_CORPUS", str(harbour.corpus))
    monkeypatch.setenv("RAG_INDEX", str(harbour.index))
    assert len(ReadingsRetriever.open(k=2).retrieve(QUESTION)) == 2
    assert "masons from Genoa" in str(ReadingsQueryEngine.open().query(QUESTION))
    monkeypatch.setenv("RAG_INDEX", str(harbour.index / "nowhere"))
    with pytest.raises(IndexMissing, match=r"rag\.index"):
        ReadingsRetriever.open()


def test_only_the_chosen_readings_are_searched(settings):
    found = ReadingsRetriever.open(settings, readings=["losses"]).retrieve(QUESTION)
    assert {node.metadata["reading"] for node in found} == {"losses"}
    answered = ReadingsQueryEngine.open(settings, readings=["losses"]).query(QUESTION)
    assert answered.metadata["searched"] == ["losses"]


def test_what_cannot_be_asked_is_said_in_our_words(engine, retriever):
    for part in (retriever.retrieve, ReadingsQueryEngine(engine, streaming=True).query):
        with pytest.raises(QuestionError, match="empty"):
            part("  ")
    with pytest.raises(ReadingError, match="nonsense"):
        ReadingsRetriever(engine, readings=["nonsense"]).retrieve(QUESTION)


def test_async_calls_leave_the_loop_free(engine, retriever, monkeypatch):
    threads = []
    search = engine.search

    def noted(*arguments):
        threads.append(threading.current_thread())
        return search(*arguments)

    monkeypatch.setattr(engine, "search", noted)

    async def both():
        return await asyncio.gather(
            retriever.aretrieve(QUESTION), ReadingsQueryEngine(engine).aquery(QUESTION)
        )

    nodes, answered = asyncio.run(both())
    assert WORDS in nodes[0].text
    assert "masons from Genoa" in str(answered)
    assert len(threads) == 2
    assert threading.main_thread() not in threads


def test_llama_indexs_query_engine_answers_from_our_nodes(retriever):
    llm = MockLLM()
    theirs = RetrieverQueryEngine(retriever, get_response_synthesizer(llm))
    answered = theirs.query(QUESTION)
    # The mock repeats its prompt: the synthesizer put the nodes' text and place there.
    assert WORDS in str(answered)
    assert "title: A Short History of the Harbour" in str(answered)
    assert "x0" not in str(answered)
    assert [node.node_id for node in answered.source_nodes] == [
        node.node_id for node in retriever.retrieve(QUESTION)
    ]
    made = RetrieverQueryEngine.from_args(retriever, llm=llm, response_mode="tree_summarize")
    assert WORDS in str(asyncio.run(made.aquery(QUESTION)))


def test_llama_indexs_evaluator_scores_the_retriever(retriever):
    evaluator = RetrieverEvaluator.from_metric_names(["hit_rate", "mrr"], retriever=retriever)
    ids = [node.node_id for node in retriever.retrieve(QUESTION)]
    for expected, hit_rate, mrr in ((ids[0], 1, 1), (ids[1], 1, 0.5), ("elsewhere", 0, 0)):
        result = evaluator.evaluate(QUESTION, [expected])
        assert result.metric_vals_dict == {"hit_rate": hit_rate, "mrr": mrr}


def test_a_response_carries_our_citations(engine):
    answered = ReadingsQueryEngine(engine).query(QUESTION)
    (citation,) = answered.metadata["citations"]
    assert (citation["quote"], citation["status"]) == (WORDS, "quoted")
    assert citation["boxes"]
    (source,) = [n for n in answered.source_nodes if n.node_id == citation["node_id"]]
    assert citation["quote"] in source.text
    assert (answered.metadata["abstained"], answered.metadata["llm"]) == (False, "extractive")
    json.dumps(answered.metadata)


def test_an_agent_may_have_it_as_a_tool(engine):
    tool = QueryEngineTool.from_defaults(ReadingsQueryEngine(engine), name="readings")
    assert "masons from Genoa" in tool.call(QUESTION).content
    assert (
        "did not find" in asyncio.run(tool.acall("What is the boiling point of tungsten?")).content
    )


def test_a_streamed_answer_is_the_same_and_its_citations_come_last(engine):
    question = "Who built the harbour, and how many boats does the fleet count?"
    whole = ReadingsQueryEngine(engine).query(question)
    streamed = ReadingsQueryEngine(engine, streaming=True).query(question)
    assert streamed.metadata == {}
    assert [n.node_id for n in streamed.source_nodes] == [n.node_id for n in whole.source_nodes]
    pieces = list(streamed.response_gen)
    assert len(pieces) > 1
    assert "".join(pieces) == whole.response
    assert streamed.metadata["citations"] == whole.metadata["citations"]


@pytest.fixture(scope="module")
def server():
    with serving() as room:
        yield room


@pytest.fixture
def written(harbour, server):
    """A streaming query engine whose answers an LLM writes."""
    opened = Settings(
        corpus=str(harbour.corpus),
        index=str(harbour.index),
        llm="openai:small",
        llm_url=f"{server.url}/v1",
        llm_timeout=10,
    )
    return ReadingsQueryEngine.open(opened, streaming=True)


def test_what_an_llm_writes_streams_through_with_its_statuses(written, server):
    server.says(answer(["The harbour was ", "built by masons ", "from Genoa in 1411 [1]. ", "So."]))
    streamed = written.query(QUESTION)
    text = "".join(streamed.response_gen)
    assert text == "The harbour was built by masons from Genoa in 1411. [1] So. [no passage named]"
    assert [c["status"] for c in streamed.metadata["citations"]] == ["unsupported"]


def test_the_answer_that_stands_in_for_a_failed_one_follows_it(written, server):
    server.says(cut(["Masons built "], politely=False))
    text = str(written.query(QUESTION))
    begun, notice, instead = text.split("\n\n")
    assert begun == "Masons built"
    assert "in the readings' own words instead" in notice
    assert instead == f"{WORDS} [1]"


def test_leaving_a_streamed_answer_ends_the_llms_request(written, server):
    server.says(silence(["Masons "]))
    pieces = written.query(QUESTION).response_gen
    next(pieces)
    pieces.close()
    assert server.hung_up.wait(3)
