"""An evaluation as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from rag.report import (
    LEGEND,
    Compared,
    Evaluation,
    Run,
    compared,
    details,
    heading,
    plain,
    rows,
    shown_tables,
    verdict,
)

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #fdfdfb; --rule: #c9c9c4;
  --quiet: #55555a; --band: #f1f1ec; --mark: #0b5c8a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececea; --paper: #18191b; --rule: #46484c; --quiet: #b4b4b8; --band: #232528;
    --mark: #8cc8ee; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 70rem; line-height: 1.5;
  font-family: system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; } a { color: var(--mark); }
.wide { overflow-x: auto; margin: 1rem 0 1.5rem; }
.wide:focus-visible { outline: 2px solid var(--mark); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--rule); }
thead th { color: var(--quiet); font-weight: 600; } tbody th { font-weight: 500; }
tr.differs { background: var(--band); } tr.differs td:last-child { font-weight: 700; }
.interval { color: var(--quiet); font-size: .85em; }
dt { font-weight: 600; } dd { margin: 0 0 .3rem; overflow-wrap: anywhere; }
dl.beside { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
article { border-top: 1px solid var(--rule); padding: .6rem 0; }
h3 { margin: .4rem 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { dl.beside { display: block; } }
@media print { .wide { overflow: visible; } article { break-inside: avoid; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_page(evaluation: Evaluation) -> str:
    """The whole file: figures, differences, settings and every question that failed."""
    title = f"Reading Room: {plain(evaluation.file)}"
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p><time datetime="{_text(evaluation.date)}">{_text(evaluation.date)}</time></p>',
        *(f"<p>{_text(line)}</p>" for line in heading(evaluation)),
        *(_comparison(evaluation) if evaluation.differences else ()),
        *(part for run in evaluation.runs for part in _figures(run)),
        _section("What the figures say", [_pairs(LEGEND)]),
        _section("Settings", [_settings(evaluation.runs)]),
        *(_misses(run) for run in evaluation.runs),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def _text(text: object) -> str:
    """Any text for any place of the file, attributes included."""
    return html.escape(plain(str(text)), quote=True)


def _section(title: str, parts: Iterable[str]) -> str:
    return "\n".join(["<section>", f"<h2>{_text(title)}</h2>", *parts, "</section>"])


def _table(caption: str, heads: Sequence[str], body: Iterable[str]) -> str:
    """A table in a frame that the keyboard can scroll where the screen is narrow."""
    columns = "".join(f'<th scope="col">{_text(head)}</th>' for head in heads)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{_text(caption)}"><table>\n'
        f"<caption>{_text(caption)}</caption>\n<thead><tr>{columns}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def _row(head: str, cells: Iterable[str], kind: str = "") -> str:
    """A row; ``cells`` are HTML already."""
    mark = f' class="{kind}"' if kind else ""
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr{mark}><th scope="row">{_text(head)}</th>{body}</tr>'


def _cell(figure: str) -> str:
    """A figure as text, its interval quieter."""
    mean, _, interval = figure.partition(" ")
    return f'{_text(mean)} <span class="interval">{_text(interval)}</span>'


def _figures(run: Run) -> Iterator[str]:
    tables = [
        _table(
            table.title,
            ["questions", "n", *(label for _, label in table.columns)],
            [
                _row(group.name, [str(group.count), *map(_cell, cells)])
                for group, cells in rows(run.figures, table)
            ],
        )
        for table in shown_tables(run.figures)
    ]
    yield _section(f"Figures, {run.name}", tables)


def _comparison(evaluation: Evaluation) -> Iterator[str]:
    first, second = (run.name for run in evaluation.runs)
    heads = ["figure", first, second, "difference", "its interval"]
    tables = [
        _table(f"{group.name}: {group.count} questions", heads, map(_compared, figures))
        for group, figures in compared(evaluation)
    ]
    order = f"The difference is {second} minus {first}, question by question."
    said = [f"<p><strong>{_text(verdict(evaluation))}</strong> {_text(order)}</p>"]
    yield _section(f"{first} and {second} compared", said + tables)


def _compared(row: Compared) -> str:
    figures = (str(row.first), str(row.second), row.difference.signed)
    cells = [*map(_cell, figures), _text(row.verdict)]
    return _row(row.label, cells, "differs" if row.difference.excludes_zero else "")


def _settings(runs: Sequence[Run]) -> str:
    fields = dict.fromkeys(field for run in runs for field in run.settings)
    body = [_row(field, [_text(run.settings.get(field, "")) for run in runs]) for field in fields]
    return _table("Settings of each run", ["setting", *(run.name for run in runs)], body)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<dt>{_text(name)}</dt><dd>{_text(words)}</dd>\n" for name, words in pairs)
    return f'<dl class="beside">\n{body}</dl>'


def _misses(run: Run) -> str:
    count = f"{len(run.misses)} of {len(run.marks)} questions"
    articles = [
        f"<article>\n<h3>{_text(miss.marks.question.question)}</h3>\n"
        f"<p>{_text(miss.marks.question.question_id)} ({_text(miss.marks.question.kind)}): "
        f"{_text('; '.join(miss.reasons))}.</p>\n{_pairs(details(miss))}\n</article>"
        for miss in run.misses
    ]
    return _section(f"Missed, {run.name}: {count}", articles)
