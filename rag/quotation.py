"""Sentences that stand in the readings word for word, or as a part of one that says more.

What the page says in the same words needs no weighing. But words can be cut so that they say
something else: "A is B" is no part of "We do not say that A is B", nor "A is 5" of "A and C are 3 and
5". What may turn a sentence round when it is left out is listed here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag import assertions
from rag.evidence import Unit
from rag.numerals import WORDS
from rag.sentences import sentences
from rag.terms import stem
from rag.types import Verdict

_FEWEST_WORDS = 4  # of a quotation
_MOST_QUOTED = 4  # sentences of one quotation
_FEWEST_STATED = 3  # words that carry meaning, of a part of a sentence
_LONGEST_GAP = 8  # words left out at one place

_WORD = re.compile(r"[^\W_]+(?:['’][a-z]+)?", re.I)
_LIGHT = frozenset(
    """
    a an the is are was were be been being has have had do does did that which who this these those
    its it they their there and also our s
    """.split()  # noqa: SIM905 - a list of quoted words would fill a page
)
_TURNS_AHEAD = frozenset(
    """
    if whether unless until when suppose supposing assume assumes assumed assuming may might could
    would should must possibly potentially perhaps often usually sometimes generally mostly partly
    largely likely mainly almost nearly seem seems appear appears argue argues argued claim claims
    claimed believe believes hypothesize hypothesizes expect expects expected hope hopes aim aims try
    tries attempt attempts plan plans future need needs want suggest suggests question unclear doubt
    rather than only but unlike
    """.split()  # noqa: SIM905
)
_TURNS_BEHIND = frozenset("if unless until except respectively".split())  # noqa: SIM905
_TURNS_NEXT = frozenset("only when than or rather without".split())  # noqa: SIM905
_AUTHORS = [
    (stem(word),)
    for word in "author authors paper survey work study report article team et al".split()  # noqa: SIM905
]
_PRONOUNS = frozenset("this these it they".split())  # noqa: SIM905


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
    """The sentence that says it among other things, in the same words and order, or nothing.

    "The authors" and the reading's own name are what a page calls "we".
    """
    claim = _words(sentence)
    for unit in units:
        if unit.passage.chunk.window.kind != "table" and _states(claim, unit):
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


@dataclass(frozen=True, slots=True)
class _Word:
    """``said`` is lower case; ``name`` if it is written as a name or number; ``between`` is what
    stands between it and the word before.
    """

    said: str
    stem: str
    name: bool
    between: str

    @property
    def light(self) -> bool:
        return self.said in _LIGHT


def _words(text: str) -> list[_Word]:
    """The words in order; works that are cited are none."""
    text = assertions.uncited(unicodedata.normalize("NFKC", text))
    found: list[_Word] = []
    end = 0
    for match in _WORD.finditer(text):
        word, said = match.group(), match.group().casefold().replace("’", "'")
        name = not word.islower() and (bool(found) or any(map(str.isupper, word[1:])))
        name = name or said in WORDS or any(map(str.isdigit, word))
        found.append(_Word(said, stem(said), name, text[end : match.start()]))
        end = match.end()
    return found


def _states(claim: Sequence[_Word], unit: Unit) -> bool:
    wanted = [word for word in claim if not word.light]
    there = _words(unit.text)
    stems = {word.stem for word in there}
    return any(
        len(way) >= _FEWEST_STATED
        and all(word.stem in stems for word in way)
        and _follows(way, there)
        for way in (wanted, *_with_pronouns(wanted, unit, there))
    )


def _with_pronouns(
    wanted: Sequence[_Word], unit: Unit, there: Sequence[_Word]
) -> Iterator[list[_Word]]:
    """The claim as a page would say it that calls its subject "we", "it" or "this"."""
    reading = unit.passage.chunk.reading
    own = _wholes(_words(" ".join((reading.title, *reading.authors)))) + _AUTHORS
    if count := _leading(wanted, own):
        yield [_Word("we", "we", False, ""), *wanted[count:]]
    if there and there[0].said in _PRONOUNS and unit.before:
        named = _wholes([word for word in _words(unit.before) if word.name])
        if count := _leading(wanted, named):
            yield [there[0], *wanted[count:]]


def _leading(words: Sequence[_Word], those: Sequence[tuple[str, ...]]) -> int:
    """How many words at the start make wholes that are among those."""
    count = 0
    for whole in _wholes(words):
        if whole not in those:
            break
        count += len(whole)
    return count if count < len(words) else 0


def _wholes(words: Sequence[_Word]) -> list[tuple[str, ...]]:
    """The words' stems, those of one whole ("Vega-Coder-V2") together: Vega-Coder is another."""
    found: list[tuple[str, ...]] = []
    for word in words:
        if found and word.between and not any(map(str.isspace, word.between)):
            found[-1] += (word.stem,)
        else:
            found.append((word.stem,))
    return found


def _follows(wanted: Sequence[_Word], there: Sequence[_Word]) -> bool:
    """Whether the words stand there in this order, and nothing is left out that matters."""
    starts = [at for at, word in enumerate(there) if word.stem == wanted[0].stem]
    return any(_from(start, wanted, there) for start in starts)


def _from(start: int, wanted: Sequence[_Word], there: Sequence[_Word]) -> bool:
    at, skipped = start, False
    for word in wanted[1:]:
        place = next((n for n in range(at + 1, len(there)) if there[n].stem == word.stem), None)
        if place is None:
            return False
        gap = there[at + 1 : place]
        heavy = any(not other.light for other in gap)
        # What follows a thing that was left out may have a subject of its own.
        if heavy and (skipped or not _may_go(gap)):
            if skipped or not _is_first_of_two(
                there[max(start - 1, 0) : at + 1], gap, there[place]
            ):
                return False
            skipped = True
        at = place
    behind = there[at + 1 :]
    return not (
        any(_turns(word) for word in there[:start])
        or any(word.said in _TURNS_BEHIND for word in behind)
        or any(word.said in _TURNS_NEXT for word in behind[:1])
    )


def _may_go(gap: Sequence[_Word]) -> bool:
    """Whether the words can be left out and the rest means the same."""
    heavy = [word for word in gap if not word.light]
    doubted = any(_turns(word) or assertions.hedged(word.said) for word in gap)
    return not doubted and len(heavy) <= _LONGEST_GAP and not any(word.name for word in heavy)


def _is_first_of_two(ahead: Sequence[_Word], gap: Sequence[_Word], then: _Word) -> bool:
    """Whether the gap is one thing said of the subject, and the next begins behind it, as in "A has
    3 doors, and opens". Of "A and B have 3 and 5" neither has both.
    """
    if any(_turns(word) or assertions.hedged(word.said) for word in gap):
        return False
    joins = [at for at, word in enumerate(gap) if word.said in ("and", "or")]
    end = joins[-1] if joins else len(gap)
    comma = any("," in word.between for word in (*gap[end + 1 :], then))
    joined = len(joins) == 1 and all(word.light for word in gap[end:])
    several = any(word.said in ("and", "or") for word in ahead) or "," in gap[0].between
    return (comma or joined) and not several and len(gap) <= 2 * _LONGEST_GAP


def _turns(word: _Word) -> bool:
    return word.said in _TURNS_AHEAD or assertions.denied(word.said)
