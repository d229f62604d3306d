"""What an evaluation found: the values, as a terminal shows them and as one JSON object."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.figures import CONFIDENCE, RESAMPLES, SEED, Figure, Group
from rag.marks import CUTOFFS, Marks, Miss
from rag.plain import plain
from rag.questions import ALL, Evidence, Question
from rag.records import Record


@dataclass(frozen=True, slots=True)
class Run:
    """The questions asked under one choice of settings, in the file's order.

    ``failed`` are the questions that could not be asked, with the reason; no figure counts them.
    """

    name: str
    settings: Mapping[str, str | int]
    marks: tuple[Marks, ...]
    failed: tuple[tuple[Question, str], ...]
    figures: tuple[Group, ...]
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run, or two and the differences between them (the second minus the first).

    ``date`` is ISO 8601 with the offset. ``readings`` are those that were searched, ``left_out``
    the questions about others. ``k`` passages were searched for each question.
    """

    file: str
    date: str
    k: int
    readings: tuple[str, ...]
    left_out: tuple[Question, ...]
    runs: tuple[Run, ...]
    differences: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that are read together, as (name, head of its column)."""

    title: str
    columns: tuple[tuple[str, str], ...]


TABLES = (
    Table(
        "Right page among the first passages",
        (*((f"page@{at}", f"page@{at}") for at in CUTOFFS), ("page_mrr", "page mrr")),
    ),
    Table(
        "Evidence text in the first passages",
        (*((f"text@{at}", f"text@{at}") for at in CUTOFFS), ("text_mrr", "text mrr")),
    ),
    Table(
        "Answers",
        (
            ("key_in_answer", "all facts"),
            ("citation_page_hit", "page cited"),
            ("citation_page_precision", "right cites"),
            ("wrongly_abstained", "wrongly decl."),
            ("abstained", "declined"),
        ),
    ),
)
LEGEND = (
    ("page@5, text@5", "the right page, or the evidence's words, among the first five passages"),
    ("page mrr, text mrr", "the mean of 1 / rank of the first such passage, 0 where there is none"),
    ("all facts", "answers that hold every expected fact"),
    ("page cited", "answers with a citation on a right page"),
    ("right cites", "of an answer's citations, the share on a right page"),
    ("wrongly decl.", "answerable questions that were declined"),
    ("declined", "of the questions the readings do not answer, those declined"),
)
_WIDTH = 96


def shown_tables(groups: Sequence[Group]) -> list[Table]:
    """The tables with the columns that any group has a figure for."""
    names = {name for group in groups for name in group.figures}
    tables = [Table(t.title, tuple(c for c in t.columns if c[0] in names)) for t in TABLES]
    return [table for table in tables if table.columns]


def rows(groups: Sequence[Group], table: Table) -> list[tuple[Group, list[str]]]:
    """The groups that have a figure of this table, and its cells; empty where there is none."""
    found = [
        (group, [str(group.figures.get(name, "")) for name, _ in table.columns]) for group in groups
    ]
    return [(group, cells) for group, cells in found if any(cells)]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both runs, and the second minus the first."""

    label: str
    first: Figure
    second: Figure
    difference: Figure

    @property
    def verdict(self) -> str:
        """Whether the interval of the difference excludes zero."""
        return "excludes zero" if self.difference.excludes_zero else "includes zero"


def compared(evaluation: Evaluation) -> list[tuple[Group, list[Compared]]]:
    """For each group of differences its figures, in the order of the tables."""
    first, second = ({g.name: g.figures for g in run.figures} for run in evaluation.runs)
    columns = [column for table in TABLES for column in table.columns]
    return [
        (
            group,
            [
                Compared(
                    label, first[group.name][name], second[group.name][name], group.figures[name]
                )
                for name, label in columns
                if name in group.figures
            ],
        )
        for group in evaluation.differences
    ]


def verdict(evaluation: Evaluation) -> str:
    """In one sentence: which differences over all questions exclude zero."""
    told = [
        f"{figure.label} {figure.difference.signed}"
        for group, figures in compared(evaluation)
        if group.name == ALL
        for figure in figures
        if figure.difference.excludes_zero
    ]
    if told:
        return (
            f"Over all answerable questions these intervals exclude zero: {'; '.join(told)}. "
            "By chance about one in twenty does."
        )
    return (
        "Over all answerable questions no interval excludes zero: "
        "these questions do not tell the two apart."
    )


def heading(evaluation: Evaluation) -> list[str]:
    """What was asked, of what, and what was not, a sentence each."""
    asked = max(len(run.marks) for run in evaluation.runs)
    lines = [
        f"{asked} questions of {plain(evaluation.file)}, {evaluation.k} passages each, "
        f"over {', '.join(map(plain, evaluation.readings)) or 'no reading'}.",
        f"In brackets: {CONFIDENCE} % bootstrap intervals ({RESAMPLES} resamples of the questions).",
    ]
    if evaluation.left_out:
        lines.append(left_out(evaluation.left_out))
    for run in evaluation.runs:
        lines += [f"{run.name}: {plain(q.question_id)} failed: {why}" for q, why in run.failed]
    return lines


def left_out(questions: Sequence[Question]) -> str:
    """How many questions were left out, and why."""
    missing = sorted({plain(reading) for q in questions for reading in q.readings})
    count = "1 question was" if len(questions) == 1 else f"{len(questions)} questions were"
    return f"{count} left out because not all their readings are searched: {', '.join(missing)}."


def as_text(evaluation: Evaluation, *, misses: bool) -> str:
    """The evaluation for a terminal, with the questions that failed if ``misses``."""
    parts = ["\n".join(heading(evaluation))]
    if evaluation.differences:
        parts += _comparison(evaluation)
    else:
        parts += _figures(evaluation.runs[0].figures)
    if misses:
        parts += [text for run in evaluation.runs for text in _misses(run)]
    return "\n\n".join(parts)


def _figures(groups: Sequence[Group]) -> Iterator[str]:
    for table in shown_tables(groups):
        lines = [table.title, _line(("", "n"), [label for _, label in table.columns])]
        lines += [_line((g.name, str(g.count)), cells) for g, cells in rows(groups, table)]
        yield "\n".join(lines)


def _line(start: tuple[str, str], cells: Sequence[str]) -> str:
    name, count = start
    return f"  {plain(name):<13}{count:>4}" + "".join(f"  {c:<14}" for c in cells).rstrip()


def _comparison(evaluation: Evaluation) -> Iterator[str]:
    names = [run.name for run in evaluation.runs]
    width = max(15, *map(len, names))
    for group, figures in compared(evaluation):
        heads = "".join(f"  {name:<{width}}" for name in names)
        lines = [f"{f'{plain(group.name)} ({group.count})':<15}{heads}  difference"]
        lines += [
            f"  {f.label:<13}  {f.first!s:<{width}}  {f.second!s:<{width}}"
            f"  {f.difference.signed:<16}  {f.verdict}"
            for f in figures
        ]
        yield "\n".join(lines)
    yield verdict(evaluation)


def _misses(run: Run) -> Iterator[str]:
    yield f"Missed, {run.name}: {len(run.misses)} of {len(run.marks)} questions"
    for miss in run.misses:
        question = miss.marks.question
        lines = [f"{plain(question.question_id)} ({plain(question.kind)}): {question.question}"]
        lines += [f"  {why}" for why in miss.reasons]
        lines += [f"  {label}: {text}" for label, text in details(miss)]
        yield "\n".join(
            textwrap.fill(plain(line), _WIDTH, initial_indent=" " * pad, subsequent_indent="    ")
            for pad, line in ((len(line) - len(line.lstrip()), line) for line in lines)
        )


def details(miss: Miss) -> Iterator[tuple[str, str]]:
    """What was wanted and what came, as (what it is, its words)."""
    question, record = miss.marks.question, miss.marks.record
    if "asked" in record:
        yield "asked", record["asked"]
    if question.answer:
        yield "wanted", question.answer
    for evidence in question.evidence:
        yield "stands at", place(evidence)
    for group in miss.lacking:
        yield "lacks", " or ".join(group)
    if record["passages"]:
        first = record["passages"][0]
        pages = ", ".join(map(str, first["pages"]))
        yield "came first", f"{first['title']}, p. {pages}: {_shortened(first['text'])}"
    if record.get("answer") is not None:
        yield "answer", _shortened(record["answer"])


def place(evidence: Evidence) -> str:
    """Where a piece of evidence stands, and its words."""
    words = " | ".join(evidence.texts)
    return f"{evidence.reading}, p. {evidence.page}" + (f": {words}" if words else "")


def _shortened(text: str) -> str:
    return textwrap.shorten(plain(text), 300, placeholder=" …")


def as_record(evaluation: Evaluation) -> Record:
    """Everything as one plain object: figures, differences, misses and the marks they rest on."""
    return {
        "questions": evaluation.file,
        "date": evaluation.date,
        "k": evaluation.k,
        "readings": list(evaluation.readings),
        "confidence": CONFIDENCE / 100,
        "resamples": RESAMPLES,
        "seed": SEED,
        "left_out": [q.question_id for q in evaluation.left_out],
        "runs": [_run_record(run) for run in evaluation.runs],
        "differences": _groups_record(evaluation.differences),
    }


def _run_record(run: Run) -> Record:
    return {
        "name": run.name,
        "settings": dict(run.settings),
        "figures": _groups_record(run.figures),
        "misses": [_miss_record(miss) for miss in run.misses],
        "failed": [{"id": q.question_id, "error": why} for q, why in run.failed],
        "marks": [
            {"id": m.question.question_id, "type": m.question.kind} | dict(m.values)
            for m in run.marks
        ],
    }


def _groups_record(groups: Sequence[Group]) -> Record:
    return {
        group.name: {"n": group.count}
        | {
            name: {
                "mean": round(figure.mean, 6),
                "low": round(figure.low, 6),
                "high": round(figure.high, 6),
                "excludes_zero": figure.excludes_zero,
            }
            for name, figure in group.figures.items()
        }
        for group in groups
    }


def _miss_record(miss: Miss) -> Record:
    question, record = miss.marks.question, miss.marks.record
    return {
        "id": question.question_id,
        "type": question.kind,
        "question": question.question,
        "reasons": list(miss.reasons),
        "wanted": {
            "answer": question.answer,
            "evidence": [
                {"reading": e.reading, "page": e.page, "texts": list(e.texts)}
                for e in question.evidence
            ],
            "lacking": [list(group) for group in miss.lacking],
        },
        "first": record["passages"][0] if record["passages"] else None,
        "answer": record.get("answer"),
    }
