"""The reading guides as PDFs, made from the Markdown beside them: ``python -m rag.guides``.

A guide stands in for a paper that cannot be had and takes the paper's way through the index: so it
is a PDF, with headings and tables that a parser can find. The same source and the same fpdf2 give
the same bytes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import PluginError, RagError, ReadingError

if TYPE_CHECKING:
    from fpdf import FPDF

_MADE = datetime(2026, 1, 1, tzinfo=UTC)  # fixed: the hour of the build must not show in the bytes
_FONT = "Helvetica"
_LINE = 5.2  # millimetres from line to line
_SIZES = {"#": 17.0, "##": 13.0, "###": 11.5}
_MARK = re.compile(r"(#{1,3}(?= )|-(?= )|\|)?\s*(.*)")

Part = tuple[str, list[str]]
"""What opens a piece of a guide (#, ##, ###, -, | or nothing for a paragraph), and its lines."""


def parts(source: Path) -> list[Part]:
    """The headings, paragraphs, list items and tables of a guide's source, in order.

    Raises ReadingError, with file and line, for a character that the PDF's own fonts lack.
    """
    found: list[Part] = []
    ended = True
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
        if odd := [char for char in line if ord(char) > 0xFF]:
            raise ReadingError(
                f"{source}, line {number}: the character {odd[0]!r} is outside Latin-1, which "
                "is all that the PDF's own fonts have. Write it otherwise."
            )
        mark, text = _MARK.fullmatch(line.strip()).groups("")  # type: ignore[union-attr]
        if text and not ended and (mark == found[-1][0] == "|" or not mark):
            found[-1][1].append(text)
        elif text:
            found.append((mark, [text]))
        ended = not text or mark.startswith("#")
    return found


def render(source: Path) -> bytes:
    """The guide as a PDF: A4, one column, 11 point.

    Raises ReadingError for a source that cannot be set, PluginError where fpdf2 is missing.
    """
    found = parts(source)
    if not found or found[0][0] != "#":
        raise ReadingError(f"{source} must begin with a title: a line '# Reading guide: ...'.")
    pdf = _blank(found[0][1][0], f"Reading guide to arXiv {source.stem}, not the paper")
    before = ""
    for mark, lines in found:
        pdf.ln(2.2 if before == "-" != mark else 0)
        before = mark
        if mark in _SIZES:
            _set_heading(pdf, lines[0], mark)
        elif mark == "|":
            _set_table(pdf, [_cells(line) for line in (lines[0], *lines[2:])])
        else:
            _set_text(pdf, " ".join(lines), indent=5 if mark else 0)
    return bytes(pdf.output())


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _blank(title: str, foot: str) -> FPDF:
    """An empty PDF that says on every page what it is."""
    try:
        from fpdf import FPDF
    except ImportError as error:
        raise PluginError("The guides are set with fpdf2: pip install fpdf2") from error

    class Guide(FPDF):  # type: ignore[misc]
        def footer(self) -> None:
            self.set_y(-13)
            self.set_font(_FONT, "", 8)
            self.cell(0, 5, f"{foot}, page {self.page_no()}", align="C")

    pdf = Guide(format="A4")
    pdf.set_compression(False)  # compressed bytes would depend on the zlib at hand
    pdf.set_creation_date(_MADE)
    pdf.set_title(title)
    pdf.set_author("Reading Room")
    pdf.set_lang("en")
    pdf.set_margins(20, 17, 20)
    pdf.set_auto_page_break(True, 18)
    pdf.add_page()
    return pdf


def _set_heading(pdf: FPDF, text: str, mark: str) -> None:
    """A heading in bold, and its entry in the outline; never at the foot of a page."""
    if pdf.will_page_break(28):
        pdf.add_page()
    pdf.ln(2)
    pdf.start_section(text, len(mark) - 1)
    pdf.set_font(_FONT, "B", _SIZES[mark])
    pdf.multi_cell(0, _SIZES[mark] * 0.45, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(1.5)


def _set_text(pdf: FPDF, text: str, indent: float) -> None:
    """A paragraph, list item or table's caption, kept on one page so that no sentence is cut."""
    caption = text.startswith("Table ")
    pdf.set_font(_FONT, "B" if caption else "", 10 if caption else 11)
    width = pdf.epw - indent
    height = pdf.multi_cell(width, _LINE, text, align="L", dry_run=True, output="HEIGHT")
    if pdf.will_page_break(height + (40 if caption else 0)):
        pdf.add_page()
    if indent:
        pdf.cell(indent, _LINE, "\N{MIDDLE DOT}", align="C")
    pdf.multi_cell(width, _LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(0.8 if indent else 2.2)


def _set_table(pdf: FPDF, rows: Sequence[Sequence[str]]) -> None:
    """A table between three rules, which is how parsers know one; its head row comes again."""
    from fpdf.enums import CellBordersLayout as Rules

    pdf.set_font(_FONT, "", 9.5)
    head, *body = rows
    rules = [Rules.TOP | Rules.BOTTOM, *[Rules.NONE] * (len(body) - 1), Rules.BOTTOM]
    widths = [
        max(len(name) * 1.15, *(len(row[at]) for row in body)) + 3  # heads are bold
        for at, name in enumerate(head)
    ]
    with pdf.table(
        col_widths=widths, text_align="LEFT", line_height=4.6, padding=0.6, borders_layout="NONE"
    ) as table:
        for cells, rule in zip(rows, rules, strict=True):
            row = table.row()
            for cell in cells:
                row.cell(cell, border=rule)
    pdf.ln(4)


def main(arguments: Sequence[str]) -> int:
    """Writes a PDF beside each source of a folder; 0 when done, 1 when something failed."""
    folder = Path(arguments[0] if arguments else "corpus/guides")
    try:
        for source in sorted(folder.glob("*.md")):
            source.with_suffix(".pdf").write_bytes(render(source))
            sys.stderr.write(f"{source.with_suffix('.pdf')}\n")
    except RagError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
