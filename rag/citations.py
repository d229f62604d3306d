"""The citations of a written answer: its markers resolved, its sentences compared with the pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rag import prompt
from rag.protocols import Checker
from rag.types import Box, Citation, Passage, Span, Status, Verdict

_Cited = tuple[Passage, Verdict, bool]
"""A passage, what it says to a sentence, and whether the answer cited another."""

_BORNE_OUT = ("quoted", "supported")


class Draft:
    """A written answer's sentences with their citations, each compared with the pages once."""

    def __init__(
        self, numbered: Sequence[Passage], found: Sequence[Passage], checker: Checker
    ) -> None:
        """Marker n names ``numbered[n - 1]``; ``found`` are all passages there are."""
        self._numbered = numbered
        self._found = found
        self._checker = checker
        self._compared: dict[prompt.Said, list[_Cited]] = {}

    def shown(self, said: Sequence[prompt.Said], *, whole: bool) -> tuple[str, list[Citation]]:
        """The text with markers that count from 1, one a citation, and the citations.

        The last sentence of an answer that is not whole has none yet.
        """
        parts: list[str] = []
        citations: list[Citation] = []
        for at, sentence in enumerate(said):
            parts.append(sentence.text)
            if whole or at < len(said) - 1:
                cited = list(self._citations(sentence, len(citations) + 1))
                parts.append(self._markers(sentence, cited))
                citations += cited
        return " ".join(parts), citations

    def _citations(self, sentence: prompt.Said, first: int) -> Iterator[Citation]:
        if sentence not in self._compared:
            self._compared[sentence] = self._compare(sentence)
        for number, (passage, verdict, moved) in enumerate(self._compared[sentence], first):
            yield _judged(number, passage, verdict, moved=moved)

    def _compare(self, sentence: prompt.Said) -> list[_Cited]:
        """The passages that a sentence cites, or the one that bears it out where none of them does.

        One that has its very words goes before those that only seem to say the same.
        """
        cited = [self._numbered[n - 1] for n in sentence.markers if self._exists(n)]
        others = [passage for passage in self._found if passage not in cited]
        best = self._checker.check(sentence.text, [*cited, *others])
        if best.status == "quoted" and best.passage and best.passage not in cited:
            return [(best.passage, best, True)]
        own = [(p, self._checker.check(sentence.text, [p]), False) for p in cited]
        if any(verdict.status in _BORNE_OUT for _, verdict, _ in own):
            return own
        if cited:  # Otherwise it was these that were looked through.
            best = self._checker.check(sentence.text, others)
        return [(best.passage, best, True)] if best.passage and best.status in _BORNE_OUT else own

    def _markers(self, sentence: prompt.Said, cited: Sequence[Citation]) -> str:
        marks = [prompt.marker(citation.marker) for citation in cited]
        marks += [prompt.points_nowhere(n) for n in sentence.markers if not self._exists(n)]
        return " ".join(marks) or prompt.UNCITED

    def _exists(self, number: int) -> bool:
        return 1 <= number <= len(self._numbered)


def _judged(number: int, passage: Passage, verdict: Verdict, *, moved: bool) -> Citation:
    """The citation of the words that bear on a sentence, or of those that were found where none do."""
    chunk = passage.chunk
    start, end = (verdict.start, verdict.end) if verdict.passage else (chunk.start, chunk.end)
    status = "unsupported" if verdict.status == "not_in_readings" else verdict.status
    return citation(number, passage, start, end, status, moved=moved)


def citation(
    marker: int, passage: Passage, start: int, end: int, status: Status, *, moved: bool = False
) -> Citation:
    """The citation of ``window.text[start:end]`` of a passage."""
    window = passage.chunk.window
    boxes = line_boxes(window.spans.within(start, end))
    return Citation(marker, passage, window.text[start:end], boxes, status, moved)


def line_boxes(spans: Iterable[Span]) -> tuple[Box, ...]:
    """Words that follow each other as one box a line of the page."""
    boxes: list[Box] = []
    for box in (span.box for span in spans):
        last = boxes[-1] if boxes else None
        if last and _same_line(last, box):
            boxes[-1] = Box(
                last.page,
                min(last.x0, box.x0),
                min(last.y0, box.y0),
                max(last.x1, box.x1),
                max(last.y1, box.y1),
            )
        else:
            boxes.append(box)
    return tuple(boxes)


def _same_line(left: Box, right: Box) -> bool:
    """Whether ``right`` goes on where ``left`` stands, rather than on the next line or column."""
    overlap = min(left.y1, right.y1) - max(left.y0, right.y0)
    height = min(left.y1 - left.y0, right.y1 - right.y0)
    return left.page == right.page and overlap > 0.5 * height and right.x0 > left.x0
