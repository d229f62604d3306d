"""HTML files that need nothing else: no script, no font, no network. All text is escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from rag.plain import plain

STYLE = """
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
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole file; ``parts`` are HTML already, ``style`` is added to what all files have."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def text(said: object) -> str:
    """Any text for any place of the file, attributes included."""
    return html.escape(plain(str(said)), quote=True)


def section(title: str, parts: Iterable[str]) -> str:
    """A part of the page under a heading of its own; ``parts`` are HTML already."""
    return "\n".join(["<section>", f"<h2>{text(title)}</h2>", *parts, "</section>"])


def table(caption: str, heads: Sequence[str], body: Iterable[str]) -> str:
    """A table in a frame that the keyboard can scroll where the screen is narrow."""
    columns = "".join(f'<th scope="col">{text(head)}</th>' for head in heads)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{text(caption)}"><table>\n'
        f"<caption>{text(caption)}</caption>\n<thead><tr>{columns}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def row(head: str, cells: Iterable[str], kind: str = "") -> str:
    """A row; ``cells`` are HTML already."""
    mark = f' class="{kind}"' if kind else ""
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr{mark}><th scope="row">{text(head)}</th>{body}</tr>'
