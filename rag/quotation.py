"""Sentences that stand in the readings word for word, or as the beginning of one that says more.

What the page says in the same words needs no weighing. But words can be cut so that they say
something else: "A is B" is no part of "We do not say that A is B", nor "A is 5" of "A and C are 3 and
5". So a part counts only where a sentence begins with it, and where what follows cannot turn it round.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from rag import assertions
from rag.evidence import LONGEST_UNIT, Unit
from rag.sentences import sentences
from rag.terms import stem
from rag.types import Verdict

_FEWEST_WORDS = 4  # of a quotation
_MOST_QUOTED = 4  # sentences of one quotation
_FEWEST_STATED = 4  # words that count, of a part of a sentence

_AROUND = ".,;:!'’*"
_TOKEN = re.compile(r"[^\s“”\"()\[\]]+")
_LIGHT = frozenset("a an the its their our this these those also both".split())  # noqa: SIM905
_SAME = {
    **dict.fromkeys(("is", "are", "was", "were"), "is"),
    **dict.fromkeys(("has", "have", "had"), "has"),
    **dict.fromkeys(("do", "does", "did"), "do"),
}
_LEAD = re.compile(
    r"(?:[•◦▪–∙·*‣►]\s*)?(?:(?:additionally|moreover|furthermore|however|notably|specifically|overall"
    r"|finally|consequently|therefore|thus|hence|then|first|second|in addition|in total|as a result"
    r"|in particular|to date|recently),\s+|in this (?:paper|work|study|survey),?\s+)?",
    re.I,
)
"""What may stand before a part of a sentence and takes nothing from it."""

_END = re.compile(
    r"\s*(?:$|[.;:,!)]\s*|\([^()]*\)[.,;]|and (?:a|an|the|its|their)\b|while\b)", re.I
)
"""What stands behind a part that is over."""

_OPEN = re.compile(
    r"\b(?:not|no|nor|never|unless|until|if|only|except|when|where|whether|provided|false|wrong|untrue"
    r"|respectively|but|or|which|who|that)\b|n['’]t\b|\?",
    re.I,
)
"""What, anywhere behind a part, may turn it round."""

_AUTHORS = ("the authors", "the paper", "this paper", "the survey", "this survey", "the report")


def quoted(sentence: str, units: Sequence[Unit]) -> Verdict | None:
    """The place where the sentence stands word for word, or nothing.

    Only from a sentence's beginning to a sentence's end.
    """
    wanted = _plain(sentence)
    if len(wanted.split()) < _FEWEST_WORDS:
        return None
    for at, unit in enumerate(units):
        text, end = unit.passage.chunk.window.text, unit.end
        for last in units[at : at + _MOST_QUOTED]:
            if last.passage is not unit.passage:
                break
            end = last.end
            if _plain(text[unit.start : end]) == wanted:
                return Verdict("quoted", unit.passage, unit.start, end)
    return _quoted_in_table(wanted, units)


def stated(sentence: str, units: Sequence[Unit]) -> Verdict | None:
    """The sentence that begins by saying just that and then says more, or nothing.

    Nothing is left out between, but for articles and the like, and nothing before but "In addition"
    and the like. "The authors", and a name that is the reading's title up to its colon, are what a page
    calls "we", and a name at the start of the sentence before is what it calls "it".
    """
    wanted = [word for word, _ in _tokens(assertions.uncited(sentence))]
    if "?" in sentence or len(wanted) < _FEWEST_STATED:
        return None
    by_authors = " ".join(sentence.casefold().split()[:2]) in _AUTHORS
    for unit in units:
        if unit.passage.chunk.window.kind != "table" and _states(wanted, by_authors, unit):
            return Verdict("supported", unit.passage, unit.start, unit.end)
    return None


def _quoted_in_table(wanted: str, units: Sequence[Unit]) -> Verdict | None:
    """A sentence that does not fill the rows it stands in."""
    passages = {id(unit.passage): unit.passage for unit in units}
    for passage in passages.values():
        window = passage.chunk.window
        if window.kind == "table" and wanted in _plain(window.text):
            for start, end in sentences(window.text):
                if _plain(window.text[start:end]) == wanted:
                    return Verdict("quoted", passage, start, end)
    return None


def _plain(text: str) -> str:
    """Words as they are compared: NFKC, one space between, no bullet or full stop around."""
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    return re.sub(r"^[•◦▪–∙·*‣►]\s*", "", text).strip(' .“”"')


def _tokens(text: str) -> list[tuple[str, int]]:
    """(word as it is compared, end) of each word that counts; what is joined by a hyphen or a point,
    as a name or a number, is one.
    """
    found = []
    for match in _TOKEN.finditer(text):
        whole = match.group().rstrip(_AROUND)
        word = whole.lstrip(_AROUND).casefold().replace("−", "-").replace("‑", "-")
        if word and word not in _LIGHT:
            said = _SAME.get(word) or (stem(word) if word.isalpha() else word)
            found.append((said, match.start() + len(whole)))
    return found


def _states(wanted: list[str], by_authors: bool, unit: Unit) -> bool:
    text = unicodedata.normalize("NFKC", unit.text)
    if len(text) >= LONGEST_UNIT or "?" in text:
        return False  # what is cut may turn it round, and what is asked is not said
    lead = _LEAD.match(text)
    text = assertions.uncited(text[lead.end() if lead else 0 :])
    there = _tokens(text)
    words = [word for word, _ in there]
    for way in (wanted, *_with_pronoun(wanted, by_authors, unit, words[:1])):
        if words[: len(way)] == way:
            rest = text[there[len(way) - 1][1] :]
            return bool(_END.match(rest)) and not _OPEN.search(rest)
    return False


def _with_pronoun(
    wanted: list[str], by_authors: bool, unit: Unit, first: list[str]
) -> Iterator[list[str]]:
    """The claim as a page would say it that calls its subject "we" or "it", by its first word."""
    if first == ["we"]:
        name, colon, _ = unit.passage.chunk.reading.title.partition(":")
        named = colon and wanted[:1] == [name.casefold()] and not any(map(str.isspace, name))
        if by_authors or named:
            yield ["we", *wanted[1:]]
    if first == ["it"]:
        before = [word for word, _ in _tokens(unit.before)[:1]]
        if before == wanted[:1] and not before[0].isalpha():
            yield ["it", *wanted[1:]]
