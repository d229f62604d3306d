"""The words of a text as search terms: what a question and a page are compared by.

Case, hyphens, the spelling of numbers, word endings and glued footnote digits do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from Stemmer import Stemmer

from rag.numerals import NUMBER, WORDS, spellings

TermWeight = Callable[[str], float]
"""How rare a term is in the readings, 0 … 1."""

_TOKEN = re.compile(rf"{NUMBER}|[^\W_]+(?:['’][a-z]+)?|[^\s\w]", re.I)
_PLACE = re.compile(
    r"\b((?i:tab(?:le)?|fig(?:ure)?|sec(?:tion)?|app(?:endix)?|algorithm))\.?\s*"
    r"([A-Z]?\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)\b|> ()(\d+(?:\.\d+)*)\.?\s(?=[A-Z])"
)
STOP_WORDS = frozenset(
    """
    a about all also am an and any are as at be been being but by can could did do does doing
    for from had has have having he her his how i if in into is it its just may me might more
    most much my no not of on only or other our out over own same she should so some such than
    that the their them then there these they this those to too us very was we were what whats
    when where which while who whom why will with would you your please tell explain give name
    say says said many according s t
    """.split()  # noqa: SIM905 - a list of quoted words would fill a page
)
"""English words that say nothing about what is asked."""


def terms(text: str) -> list[str]:
    """The text's terms in order, with repeats; words that carry no meaning are left out."""
    return [term for term, _, _ in located_terms(text)]


@lru_cache(maxsize=8192)
def term_set(text: str) -> frozenset[str]:
    """The different terms; remembered, since the same passages are looked through again and again."""
    return frozenset(terms(text))


def located_terms(text: str) -> list[tuple[str, int, int]]:
    """(term, start, end) of each term, offsets into ``text``; one word may give several terms.

    "Table 2" is a term of its own, behind the others, and so is a section's number on the way to a
    chunk: "Section 6.2" finds "Title > 6.2 Heading".
    """
    words = [
        (term, match.start(), match.end())
        for match in _TOKEN.finditer(text)
        for term in _of_word(match.group())
    ]
    places = [
        (f"{(kind or 'sec')[:3].casefold()}:{number.casefold()}", match.start(), match.end())
        for match in _PLACE.finditer(text)
        for kind, number in [(match[1], match[2] or match[4])]
    ]
    return words + places


def stem(word: str) -> str:
    """A lower-case word without its ending (Porter, 2001: Snowball's English)."""
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=65536)
def rarity(word: str) -> float:
    """How rare a word is in English: 0 for the commonest, 1 for names, numbers and jargon.

    By its Zipf frequency (van Heuven et al., 2014), the decimal logarithm of its count in a
    billion words: 6 for "go", 3 for a word that few people use.
    """
    from wordfreq import zipf_frequency

    if any(map(str.isdigit, word)):
        return 1.0
    zipf = float(zipf_frequency(word, "en", wordlist="small"))
    return min(max((6.3 - zipf) / 3.3, 0.05), 1.0)


@lru_cache(maxsize=65536)
def _of_word(word: str) -> tuple[str, ...]:
    word = unicodedata.normalize("NFKC", word).casefold()
    if word in STOP_WORDS or not any(map(str.isalnum, word)):
        return ()
    if word[0].isdigit():
        return spellings(word)
    if word in WORDS:
        return (WORDS[word],)
    word = re.sub(r"['’]s?$", "", word)
    stemmed = _stemmer().stemWord(word)
    # "StarCoder6" is StarCoder with footnote 6, or is called so: found by either.
    bare = re.match(r"([^\W\d]{4,})\d$", word)
    return (stemmed, _stemmer().stemWord(bare.group(1))) if bare else (stemmed,)


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer:
    return Stemmer("english", 0)
