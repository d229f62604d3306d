"""The works a question cites, and whether it asks what they are: "who is Wei et al., 2022"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"(?:(?:van|von|de|der|den|le|la|di) )*[A-Z][\w'’-]+"
_CITED = re.compile(
    rf"(?:(?P<first>{_NAME})(?P<rest>,? (?:and|&) {_NAME}|,? et al\b\.?|(?=,))"
    r"|(?P<small>[^\W\d_][\w'’-]+),? et al\b\.?)(?:['’]s)?,?\s*"
    r"[(\[]?(?P<year>(?:19|20)\d\d[a-z]?)\b"
)
_ASKS = re.compile(
    r"\bwho (?:is|are|was|were|wrote|published)\b"
    r"|\b(?:which|what)(?:['’]s)? (?:is |are |was )?(?:the )?(?:full )?"
    r"(?:paper|work|article|study|publication|reference|citation|title|source|entry)s?\b"
    r"|\b(?:full|complete) (?:reference|citation|title)\b|\bbibliograph|\breference (?:for|of|to)\b"
    # Nothing but the work: "What is (Kojima et al., 2022)?"
    r"|^what(?: is|'s|’s) [^\s]+(?: et al\b\.?| (?:and|&) [\w'’-]+)?,? \W?\d{4}[a-z]?\W*$",
    re.I,
)
_ASKS_FOR_REFERENCES = re.compile(
    r"\bbibliograph|\bdoi\b|\bvenue|\bpublished (?:in|by|at|as)\b|\barxiv (?:id|number|link)"
    r"|\breference (?:list|entry|for|of|to)|\b(?:full|which|what) (?:reference|citation)s?\b"
    r"|\b(?:is|are|was|were) cited\b|\bdo(?:es)? .{1,60}\bcite\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Work:
    """A work as it is cited in a text: surnames, the first author's first, and its year.

    ``year`` may end in a letter. ``more`` tells that there are authors who are not named.
    """

    names: tuple[str, ...]
    year: str
    more: bool = False


def asked_works(question: str) -> tuple[Work, ...]:
    """The works a question wants to know the bibliography's entry of; mostly none."""
    if not _ASKS.search(question):
        return ()
    return tuple(
        Work(
            (match["first"] or match["small"], *re.findall(_NAME, match["rest"] or "")),
            match["year"],
        )
        for match in _CITED.finditer(question)
    )


def cited_works(text: str) -> tuple[Work, ...]:
    """The works a text cites by name and year, in its order, each as often as it is cited."""
    return tuple(
        Work(
            (match["first"] or match["small"], *re.findall(_NAME, match["rest"] or "")),
            match["year"],
            more=bool(match["small"] or "et al" in (match["rest"] or "")),
        )
        for match in _CITED.finditer(text)
    )


def asks_for_references(question: str) -> bool:
    """Whether entries of a bibliography may answer a question as well as prose does."""
    return bool(_ASKS_FOR_REFERENCES.search(question))
