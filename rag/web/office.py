"""What an instructor can have worked out: coverage, what is asked, and whether answers are right."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from rag import coverage_page, report_page, usage_page
from rag.coverage_report import as_csv
from rag.covering import Model, Surveyor
from rag.engine import Engine
from rag.errors import IndexMissing, LogFailure, SettingsError
from rag.figures import figures
from rag.gaps import gaps
from rag.log import Log
from rag.proposals import propose
from rag.questions import parse_lines, parse_questions
from rag.report import Evaluation, Run
from rag.topics import parse_topics
from rag.trial import AS_SET, Trial, papers
from rag.types import Passage
from rag.usage import usage
from rag.web.desk import Job, Result
from rag.web.links import Place
from rag.web.room import Room

MOST_TOPICS, MOST_QUESTIONS = 200, 300
"""More than these take minutes, or pages that no browser likes: the commands take them."""

_K = 10  # passages searched for each question of an evaluation


class Office:
    """Works over the readings as they are now; what it gives is for the instructor only."""

    def __init__(
        self,
        room: Room,
        open_surveyor: Callable[[], Surveyor],
        build_name: Callable[[], str],
        log: Log,
        smallest: int,
        settings: Mapping[str, str | int],
    ) -> None:
        """Of the log groups of fewer than ``smallest`` askers are not shown.

        ``settings`` are shown with the figures of an evaluation.
        """
        self._room = room
        self._open_surveyor = open_surveyor
        self._build_name = build_name
        self._log = log
        self._smallest = smallest
        self._settings = settings
        self._lock = threading.Lock()
        self._surveyed: tuple[str, Surveyor] | None = None

    def coverage(self, job: Job) -> Result:
        """Which reading covers which of the topics that were asked for, one a line."""
        topics = parse_topics(job.asked.split("\n"), "The list")
        if len(topics) > MOST_TOPICS:
            raise SettingsError(
                f"{len(topics):,} topics are too many for this page: give at most {MOST_TOPICS}, or "
                "use python -m rag.coverage."
            )
        surveyor = self._surveyor()
        table = surveyor.table(
            topics, Model.load(), progress=lambda done: job.progress(done, len(topics))
        )
        parts = coverage_page.fragments(table, gaps(table, surveyor), _page)
        return Result("\n".join(parts), as_csv(table))

    def proposals(self, job: Job) -> Result:
        """Topics made of the readings' own headings, to be edited."""
        topics = [one.topic for one in propose(self._surveyor())][:MOST_TOPICS]
        said = (
            f"{len(topics)} topics made of the readings’ own headings: change them, then compare."
        )
        return Result(f'<p class="quiet">{said}</p>', text="\n".join(topics))

    def usage(self, job: Job) -> Result:
        """What the log of questions tells."""
        if not self._log.days:
            raise LogFailure(
                "No questions are kept: the program's owner can set RAG_LOG to where they are to be."
            )
        surveyor = self._surveyor()
        chunks = {r: surveyor.chunks(r.reading_id) for r in surveyor.readings()}
        job.progress(0, 0)
        found = usage(self._log.entries(), chunks, surveyor.vectors, self._smallest)
        return Result("\n".join(usage_page.fragments(found)))

    def evaluation(self, job: Job) -> Result:
        """Whether the questions that were given are still answered from the right pages."""
        lines = job.asked.split("\n")
        plain = not job.asked.lstrip().startswith("{")
        questions = (parse_lines if plain else parse_questions)(lines, "The list")
        if len(questions) > MOST_QUESTIONS:
            raise SettingsError(
                f"{len(questions):,} questions are too many for this page: give at most "
                f"{MOST_QUESTIONS}, or use python -m rag.evaluate."
            )
        engine = self._engine()
        readings = papers([engine])
        held = [one for one in questions if set(one.readings) <= set(readings)]
        if not held:
            raise SettingsError(f"None of these is about the papers here: {', '.join(readings)}.")
        run = Trial(_K).run(
            AS_SET, self._settings, engine, held, lambda done: job.progress(done, len(held))
        )
        left = tuple(one for one in questions if one not in held)
        run = _by_pages(run) if plain else run
        evaluation = Evaluation("your list", _now(), _K, readings, left, (run,), ())
        return Result("\n".join(report_page.fragments(evaluation)))

    def readings(self) -> Sequence[tuple[str, str]]:
        """The papers that questions can be about, as (id, title)."""
        opened = self._room.current()
        found = opened.engine.readings if opened else ()
        return [(one.reading_id, one.title) for one in found if one.kind == "paper"]

    def _engine(self) -> Engine:
        opened = self._room.current()
        if opened is None:
            raise IndexMissing("The readings are still being prepared; try again in a moment.")
        return opened.engine

    def _surveyor(self) -> Surveyor:
        """What compares topics with the index in use, opened again where that is another one."""
        with self._lock:
            name = self._build_name()
            if self._surveyed is None or self._surveyed[0] != name:
                self._surveyed = (name, self._open_surveyor())
            return self._surveyed[1]


def _by_pages(run: Run) -> Run:
    """The run without the figures about the evidence's words, of which plain lines give none."""
    marks = tuple(
        replace(
            one, values={name: v for name, v in one.values.items() if not name.startswith("text")}
        )
        for one in run.marks
    )
    return replace(run, marks=marks, figures=figures(marks))


def _page(passage: Passage, page: int) -> str:
    """The student's page, open at a page of a reading with the passage marked."""
    return "../?" + Place.of_passage(passage).at(page).query


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
