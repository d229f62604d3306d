"""A follow-up made into a question that stands by itself, by rule: "and on Java?" after "What does
it score on Python?".

What a follow-up lacks is carried over from the question before it, either in the place of what it
asks about now or in brackets behind it. The rule errs on the side of carrying too much: a search
bears words too many better than words too few, and whoever asked can read and edit what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.names import Names, Other
from rag.terms import STOP_WORDS, located_terms, rarity, terms
from rag.types import Reading

LONGEST_MEMORY = 4
"""Earlier questions that a follow-up may lean on."""

_LONGEST_CARRIED = 240
"""Characters carried over from what was asked before."""

_FEW, _SOME = 4, 6
"""A follow-up has at most so many terms; one that points back by "it" or "its" may have some more,
but not by "they", which may be the authors.
"""

_COMMON = 0.5
"""Rarity up to which a word alone does not tell what a question is about: "number", "wrong"."""

_OPENS = re.compile(
    r"\s*(?:(?:ok(?:ay)?|so|well|hm+|oh)\b[\s,]*)*"
    r"(?:(?:and|or|but|also|any|then)\b[\s,:]*(?:(?:what|how) about\b)?|(?:what|how) about\b)\s*",
    re.I,
)
"""What opens a question that goes on from the one before."""

_ELLIPTIC = re.compile(
    r"\s*(?:why not|what if|how (?:many|much) (?:from|in|on|with|for|of|at|by))\b", re.I
)

_TELLING = 0.6
"""Rarity from which a word of a follow-up is carried on to the next one."""

_RARE, _OWN_WORDS = 0.9, 0.5
"""What an LLM must keep of a follow-up: words this rare; and the share of words it may bring in."""

_ASKS = re.compile(
    r"(?:(?:on|in|for|of|with|by|to|from|at) )?(?:what|which|who|how|why|when|where|is|are|was|were"
    r"|does|do|did|has|have|had|can|could|would|will|should)\b",
    re.I,
)
_ONLY_WORD = re.compile(r"\s*[\w.+#-]+(?:\s[\w.+#-]+)?\s*\?\s*")

_END = r"(?=\s*(?:[?.!,;)]|$|\bthen\b|\btoo\b|\bas well\b|\binstead\b))"
_AUX = (
    r"(?:is|was|are|were|does|did|do|has|have|had|can|could|would|will|should|\w+n['’]?t"
    r"|of|for|with|like|about|from|than|by|to|in|on|after|before|all)"
)
_POINTS = re.compile(
    rf"\b(?:it|they|them|he|she)\b|\b(?:that|this|these|those)\b(?:{_END}|(?= (?:in|at|on|for) ))"
    rf"|\b{_AUX} (?:that|this|these|those)\b(?! (?:paper|survey|report|course|reading)\b)"
    r"|\b(?:this|that|these|those) (?!(?:paper|survey|report|course|reading)s?\b)[\w-]+\W*$"
    r"|\b(?:the|which) others?\b"
    rf"|\bthere\b{_END}|\bthe same\b{_END}|\b(?:the former|the latter|instead)\b"
    r"|\b(?:the|which|that|any|call)\b(?:\s[\w-]+){0,3}?\sones?\b(?![-\w])",
    re.I,
)
_POINTS_SURELY = re.compile(r"\b(?:it|them)\b", re.I)
_POSSESSIVE = re.compile(r"\b(?:its|their|his|her)\b", re.I)
_ADDS = re.compile(
    r"\b(?:too|as well|else|either|then|better|worse|bigger|smaller|larger|higher"
    r"|lower|faster|slower|cheaper|stronger|weaker|easier|harder)\W*$",
    re.I,
)
_EMPTY_IT = re.compile(r"\bit\b[^?.:;]*?\bto\s+\w", re.I)
_ENDS_CLAUSE = re.compile(r"(?<!\bal)[:;,?!.]\s|\s[-–—+]\s|\b(?:and|or|but)\b", re.I)
_DEFINES = re.compile(
    r"\s*(?:what(?:'s|’s|s| is| are| was)|define|explain|describe) (?!the\b)", re.I
)

_PREPOSITIONS = r"(?:on|in|with|without|for|from|at|by|of|to|under|after|before|than|as)"
_PREPOSED = re.compile(rf"({_PREPOSITIONS})\s+(.+)", re.I)
_VERB = re.compile(
    r"\b(?:is|are|was|were|does|do|did|has|have|had|can|could|would|will|should|what|which|who|how"
    r"|why|when|where|if|it|they|them|that|this|those|these|there|ones?|other)\b|n['’]t\b|['’]s\s",
    re.I,
)
# A word with a capital or a digit; in front of the first of them no other, or there were many ways
# to read one word, and a hostile line would take for ever.
_NAMED = r"(?:[^\W\dA-Z]|[.@%+-])*[A-Z\d][\w.@%+-]*"
_NAME = re.compile(rf"(?<![\w-]){_NAMED}(?:\s+{_NAMED})*")
_ARTICLE = re.compile(r"(?:the|a|an)\s+", re.I)
_QUESTION_WORDS = re.compile(
    r"\s*(?:(?:and|so|ok(?:ay)?)\b[\s,]*)?(?:please\s+)?"
    r"(?:(?:can|could) you (?:please )?)?(?:tell me\s+)?(?:explain|define|describe|name|list)?\s*"
    r"(?:(?:on|in|for|of|with|by|to|from|at) (?=which|what))?"
    r"(?:what(?:['’]?s)?|which|who|whose|how (?:many|much|long|well|far|often)(?: of)?|how|why|when"
    r"|where)?\b\s*"
    r"(?:(?:is|are|was|were|does|do|did|has|have|had|can|could|would|will|should)(?:n['’]t)?\s+)?"
    r"(?:there\s+)?(?:say about\s+)?(?:(?:the|a|an)\s+)?",
    re.I,
)
_DO = re.compile(r"\b(?:does|do|did)(?!n['’]t)\s+(?!\w+\W*$)", re.I)
_PLAIN = ("a", "A")
"""The looks of names that say nothing of their kind."""

_CARRIED = re.compile(r"\(([^()]*)\)\W*$")


def depends(question: str) -> bool:
    """Whether a question cannot be understood without what was asked before it."""
    opening = _OPENS.match(question)
    rest = question[opening.end() :] if opening else question
    found = _content(rest)
    if len(found) > _FEW:
        return len(found) <= _SOME and _points_back(rest, found, _POINTS_SURELY)
    goes_on = opening and (len(found) < 3 or not _ASKS.match(rest))
    return (
        bool(goes_on or _ELLIPTIC.match(rest))
        or _says_little(rest, found)
        or bool(_ADDS.search(rest) or _ONLY_WORD.fullmatch(rest))
        or bool(_PREPOSED.match(rest) and (len(found) < 2 or not _VERB.search(rest)))
        or _points_back(rest, found)
    )


def _content(question: str) -> list[tuple[str, int, int]]:
    """The terms of a question that say something, with their places."""
    return [found for found in located_terms(question) if found[0] not in STOP_WORDS]


def self_contained(
    question: str,
    earlier: Sequence[str],
    names: Names,
    asked_of: Callable[[str], Sequence[str]],
) -> str:
    """The question with what it lacks from the earlier ones, oldest first; itself if nothing.

    Only the last few count, each taken as it is meant after those before it. ``asked_of`` gives
    the ids of the readings that an earlier question was answered from; it is only called where
    "the other survey" is asked for.
    """
    meant: list[str] = []
    for one in (*earlier[-LONGEST_MEMORY:], question):
        meant.append(_after(one, meant, names, asked_of) if meant else one)
    return meant[-1]


def usable(said: str, question: str, known: Sequence[str]) -> bool:
    """Whether what an LLM made of a follow-up can be asked in its stead.

    It is one line of bounded length, keeps the follow-up's rare words, and takes most of its words
    from the follow-up and from what is ``known``: what was said before, and the readings' titles.
    """
    if not said or len(said.splitlines()) > 1 or len(said) > len(question) + _LONGEST_CARRIED:
        return False
    words = set(terms(said))
    telling = {
        term
        for term, start, end in located_terms(question)
        if rarity(question[start:end].casefold()) >= _RARE
    }
    heard = set(terms(question)).union(*map(terms, known))
    return bool(words) and telling <= words and len(words - heard) <= _OWN_WORDS * len(words)


def _after(
    question: str,
    earlier: Sequence[str],
    names: Names,
    asked_of: Callable[[str], Sequence[str]],
) -> str:
    before = earlier[-1]
    other = names.other(question)
    if other is not None and len(_content(question)) <= _FEW + 1:
        seen = [reading for one in reversed(earlier) for reading in asked_of(one)]
        return _of_another(question, before, other, seen, names)
    if not depends(question):
        return question
    spoken_of = names.hinted(question)
    if spoken_of and not spoken_of & names.hinted(before):
        before = names.unnamed(before)
    return _substituted(question, before, names) or _with_rest(question, before)


def _of_another(question: str, before: str, other: Other, seen: Sequence[str], names: Names) -> str:
    """A question about another reading than the one before; ``seen`` are those spoken of, the
    latest first.
    """
    start, end = other.span
    opening, rest = question[:start], question[end:]
    reading = _another(other.readings, seen)
    named = f"{opening}“{reading.title}”{rest}" if reading else question
    own = f"{opening}{rest}"
    found = _content(own)
    lacking = not found or bool(_ADDS.search(own)) or _points_back(own, found)
    return _with_rest(named, names.unnamed(before)) if lacking or not reading else named


def _another(candidates: Sequence[Reading], seen: Sequence[str]) -> Reading | None:
    """The reading that "the other one" means: the last spoken of before the present one, or the
    only one left.
    """
    left = [one for one in candidates if one.reading_id not in seen[:1]]
    spoken = [one for reading in seen for one in left if one.reading_id == reading]
    return spoken[0] if spoken else left[0] if len(left) == 1 else None


def _says_little(question: str, found: Sequence[tuple[str, int, int]]) -> bool:
    """Whether a question has no word that tells which matter it is about."""
    common = all(rarity(question[start:end].casefold()) <= _COMMON for _, start, end in found)
    return not found or (common and len(found) < _FEW and not _DEFINES.match(question))


def _points_back(
    question: str, found: Sequence[tuple[str, int, int]], pronouns: re.Pattern[str] = _POINTS
) -> bool:
    """Whether a pronoun has nothing in the question to stand for: no word in a clause before it.

    In one clause "it" is never what the clause is about (binding principle B, Chomsky 1981), but
    "its" may be.
    """
    for match in pronouns.finditer(question):
        if match.group().casefold() == "it" and _EMPTY_IT.match(question, match.start()):
            continue  # "It helps to …" stands for nothing.
        clause = max(
            (m.end() for m in _ENDS_CLAUSE.finditer(question, 0, match.start())), default=0
        )
        if not any(end <= clause for _, _, end in found):
            return True
    return any(
        not any(end <= match.start() for _, _, end in found)
        for match in _POSSESSIVE.finditer(question)
    )


def _substituted(question: str, before: str, names: Names) -> str | None:
    """The question before with the name asked about now in the place of the one asked about then,
    where there is no doubt which that is.
    """
    opening = _OPENS.match(question)
    rest = question[opening.end() if opening else 0 :].strip().rstrip("?!. ")
    preposed = _PREPOSED.fullmatch(rest)
    wanted = re.sub(r"['’]s?$", "", _ARTICLE.sub("", preposed[2] if preposed else rest, count=1))
    if _NAME.fullmatch(wanted) is None:
        return None
    places = _slots(before, preposed[1] if preposed else None)
    alike = [(start, end) for start, end in places if _shape(before[start:end]) == _shape(wanted)]
    if len(alike) == 1 and _shape(wanted) not in _PLAIN:
        places = alike
    if len(places) != 1:
        return None
    start, end = places[0]
    # What the conversation is about is not dropped for something of another kind.
    if not preposed and not alike and names.hinted_words(before[start:end]):
        return None
    return f"{before[:start]}{wanted}{before[end:]}"


def _slots(before: str, preposition: str | None) -> list[tuple[int, int]]:
    """Where names stand in a question: all, or those in the phrases of a preposition."""
    found = [m.span() for m in _NAME.finditer(before) if m.start() > 0]
    if preposition is None:
        return found
    phrase = re.compile(
        rf"\b{preposition}\s+(.*?)(?=\s+{_PREPOSITIONS}\b|[,;:?]|$|\s+(?:when|if|while|and|or)\b)",
        re.I,
    )
    phrases = [m.span(1) for m in phrase.finditer(before)]
    return [(a, b) for a, b in found if any(start <= a and b <= end for start, end in phrases)]


def _shape(name: str) -> str:
    """A name's look: GPT-4 and GPT-3 are alike, and 2013 and 2006, but not GPT-3 and GSM8K."""
    look = re.sub(r"\d+(?:\.\d+)*", "9", name)
    return re.sub(r"[A-Za-z]*[a-z][A-Za-z]*", "a", re.sub(r"\b[A-Z]+\b", "A", look))


def _with_rest(question: str, before: str) -> str:
    """The question with those words of the one before in brackets that it lacks."""
    bare = question.strip().rstrip("?!. ")
    if set(terms(before)) <= set(terms(question)):
        return question
    return f"{bare} ({_topic(before)})?"


def _topic(before: str) -> str:
    """What a question is about: its words without those that make it a question."""
    carried = _CARRIED.search(before)
    own = before[: carried.start()] if carried else before
    opening = _QUESTION_WORDS.match(own)
    own = own[opening.end() if opening else 0 :].strip(" ?!.")
    own = re.sub(r"\s*[()]\s*", ", ", _DO.sub("", own)).strip(" ,")
    if carried:
        # What a follow-up leant on itself matters more than its own few words.
        root = carried[1].split("; ")[0]
        words = (own[start:end] for _, start, end in _content(own))
        own = (
            f"{root}; {own}" if any(rarity(word.casefold()) >= _TELLING for word in words) else root
        )
    return own if len(own) <= _LONGEST_CARRIED else own[:_LONGEST_CARRIED].rsplit(" ", 1)[0]
