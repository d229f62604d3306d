"""Topics made of the readings' own headings: a first list for a course that has none yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rag.covering import Surveyor
from rag.plain import plain
from rag.terms import terms
from rag.topics import LONGEST_TOPIC

_NUMBER = re.compile(
    r"^(?:(?:chapter|section|appendix|part)\s+)?(?:[A-Z](?=[.\s])|[IVX]+(?=\.)|\d+)?(?:\.\d+)*[.:)]*\s+",
    re.I,
)
_SAYS_NOTHING = frozenset(
    """
    abstract acknowledg acknowledgement analysi appendix approach artifact author background
    baselin case checklist conclus contribut cost data dataset detail direct discuss evalu exampl
    experi experiment extend figur find further futur general group impact implement introduct
    limit main materi method methodolog metric model motiv note overview paper perform preliminari
    prompt question relat refer remark report result review section set setup statement statist
    studi summari supplementari supplement tabl task templat threat train valid version work
    """.split()  # noqa: SIM905 - a list of quoted words would fill a page
)
"""Stems of the words of headings that any paper has: alone they name no topic."""

_FEWEST, _MOST = 2, 10  # terms of a heading that can be a topic


@dataclass(frozen=True, slots=True)
class Proposal:
    """A topic and the readings that have a section so called."""

    topic: str
    readings: tuple[str, ...]


def propose(surveyor: Surveyor, readings: frozenset[str] | None = None) -> list[Proposal]:
    """A topic for each heading that names one, in the order of the readings and of their pages.

    Headings of the same words are one topic, in the words of the first. Raises ReadingError for
    an unknown reading.
    """
    found: dict[frozenset[str], Proposal] = {}
    for reading in surveyor.readings(readings):
        for chunk in surveyor.chunks(reading.reading_id):
            for heading in chunk.window.section:
                text = _NUMBER.sub("", plain(heading)).rstrip(" .:")
                key = frozenset(terms(text))
                if not _names_a_topic(text, key):
                    continue
                known = found.setdefault(key, Proposal(text, ()))
                if reading.reading_id not in known.readings:
                    found[key] = replace(known, readings=(*known.readings, reading.reading_id))
    return list(found.values())


def _names_a_topic(text: str, words: frozenset[str]) -> bool:
    telling = {word for word in words if word not in _SAYS_NOTHING and not word.isdigit()}
    return (
        _FEWEST <= len(words) <= _MOST
        and bool(telling)
        and len(text) <= LONGEST_TOPIC
        and text[:1].isalpha()
        and not text.startswith("#")
    )
