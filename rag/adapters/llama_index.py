"""Reading Room as llama-index's own parts, for an agent, a query engine or an evaluation there.

    from rag.adapters.llama_index import ReadingsRetriever
    retriever = ReadingsRetriever.open(k=5)
    nodes = retriever.retrieve("Who built the harbour?")

    from llama_index.core.tools import QueryEngineTool
    from rag.adapters.llama_index import ReadingsQueryEngine
    tool = QueryEngineTool.from_defaults(ReadingsQueryEngine.open())

Nothing here reads llama-index's global Settings, so no key is asked for and no network used beyond
what ``RAG_LLM`` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response, StreamingResponse
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from rag.assembly import open_engine
from rag.citations import line_boxes
from rag.engine import Engine
from rag.records import answer_record, box_records, citation_record, passage_record
from rag.settings import Settings
from rag.types import Answer, Passage

_FOR_LLMS = frozenset({"title", "section", "pages"})
_FOR_EMBEDDING = frozenset({"title", "section"})


class ReadingsRetriever(BaseRetriever):  # type: ignore[misc]
    """Passages as llama-index's nodes, best first; threads may share it.

    Retrieving raises QuestionError for a question that cannot be asked, and ReadingError for an
    unknown reading. Async calls run in a thread.
    """

    def __init__(
        self,
        engine: Engine,
        k: int = 10,
        readings: Iterable[str] = (),
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """At most ``k`` nodes a question; ``readings`` are the ids to search, all where empty."""
        super().__init__(callback_manager=callback_manager)
        self._engine = engine
        self._k = k
        self._readings = frozenset(readings)

    @classmethod
    def open(
        cls, settings: Settings | None = None, *, k: int = 10, readings: Iterable[str] = ()
    ) -> ReadingsRetriever:
        """A retriever over the index that is there; without settings, by the environment's.

        Raises what ``rag.assembly.open_engine`` raises.
        """
        return cls(open_engine(settings or Settings.load()), k, readings)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._engine.search(query_bundle.query_str, self._k, self._readings)
        return [scored_node(passage) for passage in found]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class ReadingsQueryEngine(BaseQueryEngine):  # type: ignore[misc]
    """Cited answers as llama-index's responses; threads may share it.

    A response's ``source_nodes`` are all passages the answer could rest on. Its ``metadata`` is the
    answer as ``python -m rag.ask --json`` prints it, without the passages: ``citations`` (each with
    its marker, quote, status, boxes, and the ``node_id`` of its source node), ``abstained``,
    ``llm``, ``notice`` … Raises what ``Engine.ask`` raises. Async calls run in a thread.

    With ``streaming`` the response is a StreamingResponse in async calls too, and its metadata is
    empty until the text has ended.
    """

    def __init__(
        self,
        engine: Engine,
        readings: Iterable[str] = (),
        callback_manager: CallbackManager | None = None,
        *,
        streaming: bool = False,
    ) -> None:
        """``readings`` are the ids to answer from, all where empty."""
        super().__init__(callback_manager=callback_manager)
        self._engine = engine
        self._readings = frozenset(readings)
        self._streaming = streaming

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        readings: Iterable[str] = (),
        streaming: bool = False,
    ) -> ReadingsQueryEngine:
        """A query engine over the index that is there; without settings, by the environment's.

        Raises what ``rag.assembly.open_engine`` raises.
        """
        return cls(open_engine(settings or Settings.load()), readings, streaming=streaming)

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}  # Our prompt and the reading of its answers belong together: none to exchange.

    def _query(self, query_bundle: QueryBundle) -> Response | StreamingResponse:
        answers = self._engine.ask(query_bundle.query_str, self._readings)
        if self._streaming:
            return _streamed(answers)
        *_, answer = answers
        return Response(answer.text, _nodes(answer), _metadata(answer))

    async def _aquery(self, query_bundle: QueryBundle) -> Response | StreamingResponse:
        return await asyncio.to_thread(self._query, query_bundle)


def scored_node(passage: Passage) -> NodeWithScore:
    """A passage as a node: its window's text, under an id that is the same after a rebuild.

    The metadata is JSON; of it an LLM is shown title, section and pages, and an embedding model
    title and section. ``boxes`` cover the text, one a line, in PDF points from the page's top left.
    """
    window, record = passage.chunk.window, passage_record(passage)
    metadata = {name: record[name] for name in ("reading", "title", "pages", "section", "kind")}
    metadata["boxes"] = box_records(line_boxes(window.spans))
    node = TextNode(
        id_=window.window_id,
        text=window.text,
        metadata=metadata,
        excluded_llm_metadata_keys=sorted(metadata.keys() - _FOR_LLMS),
        excluded_embed_metadata_keys=sorted(metadata.keys() - _FOR_EMBEDDING),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=record["reading"])},
    )
    return NodeWithScore(node=node, score=passage.score)


def _nodes(answer: Answer) -> list[NodeWithScore]:
    return [scored_node(passage) for passage in answer.passages]


def _metadata(answer: Answer) -> dict[str, Any]:
    record = answer_record(answer)
    del record["passages"]  # they are the source nodes
    record["citations"] = [
        citation_record(citation) | {"node_id": citation.passage.chunk.window.window_id}
        for citation in answer.citations
    ]
    return record


def _streamed(answers: Iterator[Answer]) -> StreamingResponse:
    """The answer's text as it grows. Raises what asking raises, before any text."""
    first = next(answers)
    metadata: dict[str, Any] = {}
    return StreamingResponse(_growth(first, answers, metadata), _nodes(first), metadata)


def _growth(first: Answer, rest: Iterator[Answer], metadata: dict[str, Any]) -> Iterator[str]:
    """What each answer adds to the text; leaving ends the LLM's request.

    What was sent cannot be taken back: where another answer takes the place of one that failed, it
    follows whole, under its notice.
    """
    answer, sent = first, first.text
    yield sent
    for answer in rest:
        if answer.text.startswith(sent):
            yield answer.text[len(sent) :]
            sent = answer.text
    if sent != answer.text:
        yield "\n\n".join(("", answer.notice, answer.text))
    metadata.update(_metadata(answer))
