"""An evaluation as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rag import hypertext
from rag.marks import Miss
from rag.plain import plain
from rag.report import (
    LEGEND,
    Compared,
    Evaluation,
    Run,
    compared,
    details,
    heading,
    rows,
    shown_tables,
    verdict,
)


def as_page(evaluation: Evaluation) -> str:
    """The whole file: figures, differences, settings and every question that failed."""
    title = f"Reading Room: {plain(evaluation.file)}"
    date = hypertext.text(evaluation.date)
    parts = [
        f"<h1>{hypertext.text(title)}</h1>",
        f'<p><time datetime="{date}">{date}</time></p>',
        *fragments(evaluation),
    ]
    return hypertext.document(title, parts)


def fragments(evaluation: Evaluation) -> Iterator[str]:
    """The parts of the view, each a piece of HTML."""
    yield from (f"<p>{hypertext.text(line)}</p>" for line in heading(evaluation))
    if evaluation.differences:
        yield from _comparison(evaluation)
    for run in evaluation.runs:
        yield from _figures(run)
    yield hypertext.section("What the figures say", [_pairs(LEGEND)])
    yield hypertext.section("Settings", [_settings(evaluation.runs)])
    yield from map(_misses, evaluation.runs)


def _cell(figure: str) -> str:
    """A figure as text, its interval quieter."""
    mean, _, interval = figure.partition(" ")
    return f'{hypertext.text(mean)} <span class="interval">{hypertext.text(interval)}</span>'


def _figures(run: Run) -> Iterator[str]:
    tables = [
        hypertext.table(
            table.title,
            ["questions", "n", *(label for _, label in table.columns)],
            [
                hypertext.row(group.name, [str(group.count), *map(_cell, cells)])
                for group, cells in rows(run.figures, table)
            ],
        )
        for table in shown_tables(run.figures)
    ]
    yield hypertext.section(f"Figures, {run.name}", tables)


def _comparison(evaluation: Evaluation) -> Iterator[str]:
    first, second = (run.name for run in evaluation.runs)
    heads = ["figure", first, second, "difference", "its interval"]
    tables = [
        hypertext.table(f"{group.name}: {group.count} questions", heads, map(_compared, figures))
        for group, figures in compared(evaluation)
    ]
    order = f"The difference is {second} minus {first}, question by question."
    said = [
        f"<p><strong>{hypertext.text(verdict(evaluation))}</strong> {hypertext.text(order)}</p>"
    ]
    yield hypertext.section(f"{first} and {second} compared", said + tables)


def _compared(row: Compared) -> str:
    figures = (str(row.first), str(row.second), row.difference.signed)
    cells = [*map(_cell, figures), hypertext.text(row.verdict)]
    return hypertext.row(row.label, cells, "differs" if row.difference.excludes_zero else "")


def _settings(runs: Sequence[Run]) -> str:
    fields = dict.fromkeys(field for run in runs for field in run.settings)
    body = [
        hypertext.row(field, [hypertext.text(run.settings.get(field, "")) for run in runs])
        for field in fields
    ]
    return hypertext.table("Settings of each run", ["setting", *(run.name for run in runs)], body)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f"<dt>{hypertext.text(name)}</dt><dd>{hypertext.text(words)}</dd>\n"
        for name, words in pairs
    )
    return f'<dl class="beside">\n{body}</dl>'


def _told(miss: Miss) -> str:
    """Which question failed, and how."""
    question = miss.marks.question
    return f"{question.question_id} ({question.kind}): {'; '.join(miss.reasons)}"


def _misses(run: Run) -> str:
    count = f"{len(run.misses)} of {len(run.marks)} questions"
    articles = [
        f"<article>\n<h3>{hypertext.text(miss.marks.question.question)}</h3>\n"
        f"<p>{hypertext.text(_told(miss))}.</p>\n{_pairs(details(miss))}\n</article>"
        for miss in run.misses
    ]
    return hypertext.section(f"Missed, {run.name}: {count}", articles)
