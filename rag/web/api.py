"""The same answers for programs: four endpoints of Gradio's API, which are the MCP tools too.

What programs ask is never kept in the log of questions: nobody there is told of it or could refuse.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import gradio as gr

from rag.engine import Engine
from rag.errors import RagError
from rag.records import answer_record, citation_record, passage_record
from rag.web.line import Line
from rag.web.links import Place
from rag.web.room import NOT_READY, Opened, Room


class Api:
    """The four endpoints over a room."""

    def __init__(self, room: Room, line: Line) -> None:
        """What takes work stands in ``line`` with what students ask."""
        self._room = room
        self._line = line

    def add(self) -> None:
        """Add them to the page that is being laid out."""
        for endpoint in (self.ask, self.search, self.readings, self.page):
            # What stands in our own line does not stand in Gradio's.
            gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)

    async def ask(self, question: str, readings: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the course's readings, in their own words, with checked citations.

        Every sentence of "answer" ends with a marker [n] that "citations" explains: the reading, its
        pages, the quoted words, whether they bear the sentence out ("status"), and a link. Where the
        readings do not answer, "abstained" is true and "passages" are the nearest.

        Args:
            question: One question in plain English, at most 2000 characters.
            readings: Ids of the readings to ask, as "readings" lists them; none for all.

        """
        # An index that was built anew is opened here: not on the loop that serves the page.
        engine = (await anyio.to_thread.run_sync(self._opened)).engine
        work = partial(self._asked, engine, question, frozenset(readings or ()) or None)
        return await (self._line.run(work) if engine.quotes else self._line.beside(work))

    @staticmethod
    def _asked(engine: Engine, question: str, readings: frozenset[str] | None) -> dict[str, Any]:
        with _said():
            *_, answer = engine.ask(question, readings)
            record = answer_record(answer)
            record["citations"] = [
                citation_record(citation) | {"link": "/?" + Place.of_citation(citation).query}
                for citation in answer.citations
            ]
            return record

    async def search(
        self, question: str, k: int = 10, readings: list[str] | None = None
    ) -> list[dict[str, Any]]:
        """Find the passages of the course's readings that bear on a question, best first, unanswered.

        Args:
            question: A question or some words to look for, at most 2000 characters.
            k: How many passages at most, 1 to 1000.
            readings: Ids of the readings to search, as "readings" lists them; none for all.

        """
        return await self._line.run(
            partial(self._found, question, k, frozenset(readings or ()) or None)
        )

    def _found(
        self, question: str, k: int, readings: frozenset[str] | None
    ) -> list[dict[str, Any]]:
        with _said():
            return [
                passage_record(passage) | {"link": "/?" + Place.of_passage(passage).query}
                for passage in self._opened().engine.search(question, k, readings)
            ]

    def readings(self) -> list[dict[str, Any]]:
        """List the course's readings: id, title, authors, year, kind, pages and sections."""
        with _said():
            shelf = self._opened().shelf
            return [
                {
                    "reading": reading.reading_id,
                    "title": reading.title,
                    "authors": list(reading.authors),
                    "year": reading.year,
                    "url": reading.url,
                    "kind": reading.kind,
                    "pages": (contents := shelf.contents(reading.reading_id)).pages,
                    "sections": [
                        {"title": s.title, "level": s.level, "page": s.page}
                        for s in contents.sections
                    ],
                }
                for reading in shelf.readings
            ]

    def page(self, reading: str, page: int) -> dict[str, Any]:
        """Read the text of one page of a reading.

        Args:
            reading: The reading's id, as "readings" lists it.
            page: The physical page, from 1.

        """
        with _said():
            opened = self._opened()
            found = opened.engine.page(reading, page)
            contents = opened.shelf.contents(reading)
            return {
                "reading": reading,
                "title": opened.shelf.reading(reading).title,
                "page": found.number,
                "label": found.label,
                "pages": contents.pages,
                "section": contents.section_at(found.number),
                "text": "\n\n".join(block.text for block in found.blocks),
                "link": "/?" + Place(reading, found.number).query,
            }

    def _opened(self) -> Opened:
        opened = self._room.current()
        if opened is None:
            raise gr.Error(NOT_READY)
        return opened


class _said:  # noqa: N801 - reads as a word where it is used
    """Turns what we say of a failure into what Gradio passes on."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RagError):
            raise gr.Error(str(error), print_exception=False) from error
