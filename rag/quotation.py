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
    its it they their there and also s
    """.split()  # noqa: SIM905 - a list of quoted words would fill a page
)
_OPEN = frozenset(
    """
    if whether unless until when suppose supposing assume assumes assumed assuming may might could
    would should must possibly potentially perhaps often usually sometimes generally mostly partly
    largely likely mainly almost nearly seem seems appear appears argue argues argued claim claims
    claimed believe believes hypothesize hypothesizes expect expects expected hope hopes aim aims try
    tries attempt attempts plan plans future need needs want suggest suggests question unclear doubt
    rather than only but
    """.split()  # noqa: SIM905
)
_AUTHORS = frozenset("author authors paper survey work study report article researchers".split())  # noqa: SIM905


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
    claim = list(_words(sentence))
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
    """``said`` is lower case; ``name`` if it is written as a name or number; ``after`` is what
    stands between it and the word before.
    """

    said: str
    stem: str
    name: bool
    after: str

    @property
    def light(self) -> bool:
        return self.said in _LIGHT


def _words(text: str) -> Iterator[_Word]:
    text = unicodedata.normalize("NFKC", text)
    end = 0
    for match in _WORD.finditer(text):
        word, said = match.group(), match.group().casefold().replace("’", "'")
        name = not word.islower() and (bool(end) or any(map(str.isupper, word[1:])))
        name = name or said in WORDS or any(map(str.isdigit, word))
        yield _Word(said, stem(said), name, text[end : match.start()])
        end = match.end()


def _states(claim: Sequence[_Word], unit: Unit) -> bool:
    wanted = [word for word in claim if not word.light]
    there = list(_words(unit.text))
    stems = {word.stem for word in there}
    if _follows(wanted, there, stems):
        return True
    title = {word.stem for word in _words(unit.passage.chunk.reading.title)}
    own = next(
        (
            at
            for at, word in enumerate(wanted)
            if word.said not in _AUTHORS and word.stem not in title
        ),
        0,
    )
    we = _Word("we", "we", False, "")
    return bool(own) and _follows([we, *wanted[own:]], there, stems)


def _follows(wanted: Sequence[_Word], there: Sequence[_Word], stems: set[str]) -> bool:
    """Whether the words stand there in this order, and nothing is left out that matters."""
    if len(wanted) < _FEWEST_STATED or not all(word.stem in stems for word in wanted):
        return False
    starts = [at for at, word in enumerate(there) if word.stem == wanted[0].stem]
    return any(_from(start, wanted, there) for start in starts)


def _from(start: int, wanted: Sequence[_Word], there: Sequence[_Word]) -> bool:
    at = start
    for word in wanted[1:]:
        place = next((n for n in range(at + 1, len(there)) if there[n].stem == word.stem), None)
        if place is None or not _may_go(there[at + 1 : place], there[place]):
            return False
        at = place
    around = [*there[:start], *there[at + 1 :]]
    return not any(_turns(word) for word in around)


def _may_go(gap: Sequence[_Word], then: _Word) -> bool:
    """Whether these words can be left out before that one without another thing being said."""
    if any(_turns(word) or assertions.hedged(word.said) for word in gap):
        return False
    heavy = [word for word in gap if not word.light]
    if len(heavy) <= _LONGEST_GAP and not any(word.name for word in heavy):
        return True
    # A first thing that is said of the subject goes before the second: "A has 3 doors, and opens".
    second = gap[-1].said == "and" and gap[-1].after.startswith(",")
    return second and not then.name


def _turns(word: _Word) -> bool:
    return word.said in _OPEN or assertions.denied(word.said)
