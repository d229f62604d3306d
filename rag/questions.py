"""The questions of an evaluation: what is asked, what a right answer holds, and where that stands.

A file has one JSON object a line: ``{"id", "type", "question", "earlier"?, "readings", "answer"?,
"keys": [[alternative, …], …], "evidence": [{"reading", "page", "quote" or "cells"}],
"answerable"}``. A follow-up may have ``"first"`` and ``"followup"`` in the place of ``"earlier"``
and ``"question"``; it is answerable unless it says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from rag.errors import SettingsError

T = TypeVar("T")

FOLLOWUP = "followup"
"""The kind of a follow-up that names none."""

ALL, UNANSWERABLE = "all", "unanswerable"
"""The names of the figures over every answerable question, and over every other one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place that answers: ``page`` counts from 1.

    ``texts`` stand there together: the cells of a table's row, or one quote. Without any, only
    the page counts.
    """

    reading: str
    page: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One question and how it will be judged.

    ``earlier`` are the questions it follows, oldest first. ``readings`` are those that answer it
    together. ``answer`` is one in someone's own words, for
    the reader of a report. Of each group of ``keys`` an answer must hold one alternative. Each
    ``evidence`` is a place by itself.
    """

    question_id: str
    kind: str
    question: str
    readings: tuple[str, ...]
    answer: str
    keys: tuple[tuple[str, ...], ...]
    evidence: tuple[Evidence, ...]
    answerable: bool
    earlier: tuple[str, ...] = ()

    @property
    def spans_readings(self) -> bool:
        """Whether evidence is wanted from each of its readings."""
        return self.kind == "cross" or len(self.readings) > 1


def parse_questions(lines: Iterable[str], source: str) -> tuple[Question, ...]:
    """The questions of a file's lines, in their order; blank lines do not count.

    Raises SettingsError that names ``source`` and the line of the first that is malformed.
    """
    found: dict[str, Question] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = _question(_read(line))
            if question.question_id in found:
                raise ValueError(f"the id {question.question_id!r} is taken by an earlier line")
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{source}, line {number}: {error}.") from error
        found[question.question_id] = question
    if not found:
        raise SettingsError(f"{source} holds no question.")
    return tuple(found.values())


def parse_lines(lines: Iterable[str], source: str) -> tuple[Question, ...]:
    """The questions of plain lines, ``question | reading | pages``; those with # do not count.

    One alone on its line is to be declined. Raises SettingsError that names ``source`` and the
    line of the first that is malformed.
    """
    found: list[Question] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append(_plain(str(number), line))
            except ValueError as error:
                raise SettingsError(f"{source}, line {number}: {error}.") from error
    if not found:
        raise SettingsError(f"{source} holds no question.")
    return tuple(found)


def _plain(question_id: str, line: str) -> Question:
    """The question of a plain line. Raises ValueError that says what is wrong with it."""
    parts = [part.strip() for part in line.split("|")]
    if len(parts) not in (1, 3) or not all(parts):
        raise ValueError("write question | reading | pages, or a question alone")
    if len(parts) == 1:
        return Question(question_id, "plain", parts[0], (), "", (), (), answerable=False)
    asked, reading, pages = parts
    numbers = pages.replace(",", " ").split()
    if not all(one.isdecimal() and int(one[:9]) > 0 for one in numbers):
        raise ValueError(f"{pages!r} are no pages: write numbers from 1, as 3, 4")
    evidence = tuple(Evidence(reading, int(one[:9]), ()) for one in numbers)
    return Question(question_id, "plain", asked, (reading,), "", (), evidence, answerable=True)


def _read(line: str) -> object:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, character {error.colno})") from error


def _question(item: object) -> Question:
    """The question of one line. Raises ValueError that says what is wrong with it."""
    fields = _object(item, "the line")
    asked, earlier = _conversation(fields)
    follows = "followup" in fields
    question = Question(
        question_id=_text(fields.get("id"), '"id"'),
        kind=_text(fields.get("type", FOLLOWUP if follows else "?"), '"type"'),
        question=asked,
        readings=_texts(fields.get("readings"), '"readings"'),
        answer=_text(fields["answer"], '"answer"') if fields.get("answer") else "",
        keys=_items(fields.get("keys", []), '"keys"', _texts),
        evidence=_items(fields.get("evidence", []), '"evidence"', _evidence),
        answerable=_flag(fields.get("answerable", follows or None), '"answerable"'),
        earlier=earlier,
    )
    if question.answerable and not (question.readings and question.evidence):
        raise ValueError('an answerable question needs "readings" and "evidence"')
    if question.kind == ALL or (question.answerable and question.kind == UNANSWERABLE):
        raise ValueError(f'"type" cannot be {question.kind!r}, which names other figures')
    return question


def _conversation(fields: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    """The question of a line, and those before it, oldest first. Raises ValueError."""
    if "followup" in fields:
        if "question" in fields or "earlier" in fields:
            raise ValueError('"first" and "followup" stand in the place of "question", "earlier"')
        return _text(fields["followup"], '"followup"'), (_text(fields.get("first"), '"first"'),)
    earlier = _texts(fields.get("earlier") or [], '"earlier"')
    return _text(fields.get("question"), '"question"'), earlier


def _evidence(item: object, name: str) -> Evidence:
    fields = _object(item, f"each {name}")
    page = fields.get("page")
    if type(page) is not int or page < 1:
        raise ValueError(f'"page" in {name} must be a whole number from 1')
    quote = fields.get("quote")
    texts = _texts(fields.get("cells") or ([quote] if quote else []), f'"cells" in {name}')
    return Evidence(_text(fields.get("reading"), f'"reading" in {name}'), page, texts)


def _object(item: object, name: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError(f"{name} must be a JSON object")
    return item


def _text(item: object, name: str) -> str:
    """A text with something in it; a number is taken as it is written."""
    if type(item) in (int, float) or (isinstance(item, str) and item.strip()):
        return str(item)
    raise ValueError(f"{name} must be a text and not empty")


def _flag(item: object, name: str) -> bool:
    if not isinstance(item, bool):
        raise ValueError(f"{name} must be true or false")
    return item


def _texts(item: object, name: str) -> tuple[str, ...]:
    return _items(item, name, _text)


def _items(item: object, name: str, one: Callable[[object, str], T]) -> tuple[T, ...]:
    if not isinstance(item, list):
        raise ValueError(f"{name} must be a list")
    return tuple(one(part, name) for part in item)
