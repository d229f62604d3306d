"""Conversations as a browser keeps them: small, bounded, and believed only as far as they check out.

What comes back from a browser is anybody's. Texts are cut, numbers checked, and citations are
looked up again by their chunk's id: a quote that the readings no longer hold is not shown.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from rag.citations import citation
from rag.types import Answer, Chunk, Citation, Passage, Reading, Status
from rag.web.conversation import Turn, settled
from rag.web.links import Finder, Quoted

VERSION = 2
MOST_TALKS, MOST_TURNS, MOST_CITATIONS = 40, 60, 40
LONGEST_NAME, LONGEST_TEXT = 120, 8000
MOST_CHARACTERS = 600_000
"""Of all conversations together: browsers keep five million, of two bytes each."""

_ID = re.compile(r"[0-9a-f]{12}")
_ENTRY = re.compile(r"[0-9a-f]{32}|")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation with its name."""

    talk_id: str
    name: str
    turns: tuple[Turn, ...]

    @classmethod
    def new(cls) -> Talk:
        """An empty conversation."""
        return cls(secrets.token_hex(6), "", ())

    @property
    def title(self) -> str:
        """Its name, or its first question."""
        return self.name or (self.turns[0].question[:80] if self.turns else "New conversation")


@dataclass(frozen=True, slots=True)
class History:
    """A student's conversations, newest first; the first one is open."""

    talks: tuple[Talk, ...] = ()

    @property
    def open(self) -> Talk:
        """The conversation that goes on."""
        return self.talks[0] if self.talks else Talk.new()

    def with_turns(self, talk: Talk, turns: Sequence[Turn]) -> History:
        """``talk`` with other turns, open, and kept if there are any."""
        others = tuple(t for t in self.talks if t.talk_id != talk.talk_id)
        changed = replace(talk, turns=tuple(turns[-MOST_TURNS:]))
        return History((changed, *(t for t in others if t.turns))[:MOST_TALKS])

    def fresh(self) -> History:
        """These conversations behind a new one, which is open."""
        return History((Talk.new(), *(talk for talk in self.talks if talk.turns)))

    def settled(self) -> History:
        """These conversations, none with an answer that is being written."""
        return History(tuple(replace(t, turns=tuple(map(settled, t.turns))) for t in self.talks))

    def find(self, talk_id: str) -> Talk | None:
        """A conversation by its id."""
        return next((talk for talk in self.talks if talk.talk_id == talk_id), None)

    def renamed(self, talk_id: str, name: str) -> History:
        """One conversation by another name, its own first question for an empty one."""
        name = " ".join(name.split())[:LONGEST_NAME]
        return History(
            tuple(replace(t, name=name) if t.talk_id == talk_id else t for t in self.talks)
        )

    def without(self, talk_id: str) -> History:
        """The others."""
        return History(tuple(t for t in self.talks if t.talk_id != talk_id))


def kept(history: History) -> Json:
    """What the browser is to keep: the newest conversations that fit."""
    talks: list[Json] = []
    room = MOST_CHARACTERS
    for talk in history.talks:
        packed = {"id": talk.talk_id, "name": talk.name, "turns": list(map(_packed, talk.turns))}
        room -= len(str(packed))
        if talk.turns and room > 0:
            talks.append(packed)
    return {"version": VERSION, "talks": talks}


def _packed(turn: Turn) -> Json:
    answer = turn.answer
    packed: Json = {"question": turn.question, "for": turn.searched_for}
    packed |= {"said": settled(turn).said, "entry": turn.entry, "rating": turn.rating}
    if answer:
        packed |= {
            "text": answer.text,
            "llm": answer.llm,
            "abstained": answer.abstained,
            "notice": answer.notice,
            "unfinished": answer.unfinished,
            "searched": [reading.reading_id for reading in answer.searched],
            "near": [p.chunk.chunk_id for p in answer.passages[:3]] if answer.abstained else [],
            "cites": [_cite(citation) for citation in answer.citations],
        }
    return packed


def _cite(cited: Citation) -> list[str | int]:
    quoted = Quoted.of(cited)
    return [
        cited.marker,
        quoted.chunk_id,
        quoted.start,
        cited.quote,
        cited.status,
        int(cited.moved),
    ]


class Reopened:
    """Reads what a browser kept, against the readings as they are now."""

    def __init__(self, finder: Finder, readings: Sequence[Reading]) -> None:
        self._finder = finder
        self._readings = {reading.reading_id: reading for reading in readings}

    def history(self, kept: object) -> History:
        """The conversations; what is not as we would have kept it is left out."""
        if not isinstance(kept, Mapping) or kept.get("version") != VERSION:
            return History()
        talks = [self._talk(item) for item in _list(kept.get("talks"), MOST_TALKS)]
        unique = {talk.talk_id: talk for talk in talks if talk is not None and talk.turns}
        return History(tuple(unique.values()))

    def _talk(self, item: object) -> Talk | None:
        if not isinstance(item, Mapping) or not _ID.fullmatch(_text(item.get("id"), 12)):
            return None
        turns = [self._turn(turn) for turn in _list(item.get("turns"), MOST_TURNS)]
        name = _text(item.get("name"), LONGEST_NAME)
        return Talk(item["id"], name, tuple(turn for turn in turns if turn is not None))

    def _turn(self, item: object) -> Turn | None:
        if not isinstance(item, Mapping) or not (question := _text(item.get("question"))):
            return None
        text = _text(item.get("text"))
        return Turn(
            question,
            _text(item.get("for")),
            self._answer(question, text, item) if text else None,
            _text(item.get("said")),
            entry=entry if _ENTRY.fullmatch(entry := _text(item.get("entry"))) else "",
            rating=rating if (rating := item.get("rating")) in ("good", "bad") else "",
        )

    def _answer(self, question: str, text: str, item: Mapping[str, object]) -> Answer:
        near = [self._chunk(chunk_id) for chunk_id in _list(item.get("near"), 3)]
        cites = [self._citation(cite) for cite in _list(item.get("cites"), MOST_CITATIONS)]
        searched = [_text(reading_id) for reading_id in _list(item.get("searched"), 1000)]
        return Answer(
            question,
            text,
            tuple(Passage(c, at, 0.0, ()) for at, c in enumerate(filter(None, near), 1)),
            tuple(citation for citation in cites if citation is not None),
            item.get("abstained") is True,
            tuple(self._readings[i] for i in searched if i in self._readings),
            _text(item.get("llm"), 80),
            (),
            done=True,
            notice=_text(item.get("notice")),
            unfinished=_text(item.get("unfinished")),
        )

    def _citation(self, cite: object) -> Citation | None:
        """A citation whose quote the readings still hold, where it was or elsewhere in its window."""
        if not isinstance(cite, list) or len(cite) != 6:
            return None
        marker, chunk_id, start, quote, status, moved = cite
        chunk = self._chunk(chunk_id)
        if chunk is None or not _is_number(marker) or not _is_number(start):
            return None
        quote = _text(quote)
        if not quote or status not in get_args(Status):
            return None
        text = chunk.window.text
        start = start if text.startswith(quote, start) else text.find(quote)
        if start < 0:
            return None
        end, passage = start + len(quote), Passage(chunk, 1, 0.0, ())
        cited = citation(marker, passage, start, end, cast(Status, status), moved=moved == 1)
        return cited if cited.boxes else None

    def _chunk(self, chunk_id: object) -> Chunk | None:
        return self._finder.find(_text(chunk_id, 64)) if chunk_id else None


def _text(value: object, most: int = LONGEST_TEXT) -> str:
    return value[:most] if isinstance(value, str) else ""


def _list(value: object, most: int) -> list[object]:
    return value[:most] if isinstance(value, list) else []


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < 1_000_000_000
