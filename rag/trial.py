"""Questions with known answers asked of an engine, one by one, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.engine import Engine
from rag.errors import RagError
from rag.figures import figures
from rag.marks import Marks, mark, misses
from rag.questions import Question
from rag.records import Record, answer_record, passage_record, question_record
from rag.report import Run

AS_SET = "as set"
"""The name of a run that is compared with no other."""

SHOWN = ("parser", "embedder", "store", "retriever", "llm", "passages")
"""The settings that a report shows: they make the figures, and tell nothing of the machine."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How questions are asked: ``k`` passages each, of ``readings`` (None: all).

    Without ``answers`` only passages are searched.
    """

    k: int = 10
    readings: frozenset[str] | None = None
    answers: bool = True

    def run(
        self,
        name: str,
        settings: Mapping[str, str | int],
        engine: Engine,
        questions: Sequence[Question],
        progress: Callable[[int], None],
    ) -> Run:
        """Ask every question; one that fails does not stop the others.

        ``settings`` are shown with the figures; ``progress`` hears how many questions are done.
        """
        marks: list[Marks] = []
        failed: list[tuple[Question, str]] = []
        for done, question in enumerate(questions, 1):
            try:
                marks.append(mark(question, self._record(engine, question), self.k))
            except RagError as error:
                failed.append((question, str(error)))
            progress(done)
        found = misses(marks, self.k)
        return Run(name, settings, tuple(marks), tuple(failed), figures(marks), found)

    def _record(self, engine: Engine, question: Question) -> Record:
        """What ``search`` finds and, if wanted, what ``ask`` answers."""
        meant = engine.meant(question.question, question.earlier)
        found = engine.search(meant, self.k, self.readings)
        record: Record = self._answer(engine, meant) if self.answers else {}
        record |= {"passages": [passage_record(passage) for passage in found]}
        return record | question_record(question.question, meant)

    def _answer(self, engine: Engine, question: str) -> Record:
        *_, last = engine.ask(question, self.readings)
        return answer_record(last)


def papers(engines: Sequence[Engine]) -> tuple[str, ...]:
    """The papers that are in every engine's index, in the first one's order.

    A guide bears its paper's id but not its pages, so it can answer none of its questions.
    """
    held = [{r.reading_id: r.kind for r in engine.readings} for engine in engines]
    return tuple(
        reading for reading in held[0] if all(kinds.get(reading) == "paper" for kinds in held)
    )
