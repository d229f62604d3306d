"""From the words of a page to blocks in reading order.

A parser knows where each word stands and how it is set; this module finds columns, tables,
figures, headings and paragraphs in that, the same way for every parser. Lengths are PDF points.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import median

from rag.outline import Entry, Look, Outline
from rag.regions import captions_of, is_figure, ruled_regions, unruled_regions
from rag.sheets import CAPTION, Line, Region, Sheet, Word, caption_parts, lines_of
from rag.tables import table_blocks, with_heads
from rag.types import Block, BlockKind, Box, Page, Span

_FARTHEST_CAPTION = 60.0  # points between a table and its caption
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)\.?\s+[A-Z0-9]")
_BULLET = re.compile(r"(?:[•◦▪–∙·*‣►]|\(?[ivx]{1,4}\)|\(?\d{1,2}[.)])$")
_REFERENCES = re.compile(r"(?:\d+\.?\s+)?(references|bibliography|literature cited)$", re.I)
_UNNUMBERED = re.compile(
    r"(abstract|acknowledge?ments?|appendix|appendices|conclusions?|references|bibliography"
    r"|limitations|ethics statement|broader impact)\b.{0,30}$",
    re.I,
)


def read_sheets(sheets: Sequence[Sheet], entries: Sequence[Entry] = ()) -> list[Page]:
    """Pages of blocks in reading order, furniture and figures' debris left out.

    ``entries`` are those of the PDF's outline, if it has one: they tell headings from what only
    looks like one.
    """
    body = _body_size(sheets)
    furniture = _furniture(sheets)
    hyphens = Hyphens(word.text for sheet in sheets for word in sheet.words)
    outline = Outline(entries)
    pages: list[Page] = []
    in_references = False
    for sheet in sheets:
        blocks: list[Block] = []
        # Names and addresses in large type stand between the title and the abstract.
        front = sheet.number == 1
        for block in _PageLayout(sheet, body, furniture, hyphens, outline).blocks():
            if block.kind == "heading" and front:
                front = not re.match("abstract|1\\.? |introduction", block.text, re.I)
                block = replace(block, kind="paragraph", level=0) if front else block
            if block.kind == "heading":
                in_references = bool(_REFERENCES.match(block.text.strip())) or (
                    in_references and not _leaves_references(block)
                )
            elif in_references and block.kind in ("paragraph", "list"):
                block = replace(block, kind="reference")
            blocks.append(block)
        if pages:
            blocks = _continued(blocks, pages[-1].blocks)
        size, unseen = (sheet.width, sheet.height), (sheet.hidden, sheet.layer)
        pages.append(Page(sheet.number, sheet.label, *size, tuple(blocks), *unseen))
    return pages


def _continued(blocks: list[Block], before: Sequence[Block]) -> list[Block]:
    """Blocks whose first is a table without heads that goes on from the end of the page before."""
    first = next((b for b in blocks if b.kind != "caption"), None)
    last = next((b for b in reversed(before) if b.kind not in ("caption", "footnote")), None)
    if first is None or last is None or first.kind != "table" or last.kind != "table":
        return blocks
    rows = [b for b in blocks if b.kind == "table" and b.group == first.group]
    above = [b for b in before if b.kind == "table" and b.group == last.group]
    headed = iter(with_heads(rows, above))
    return [next(headed) if b in rows else b for b in blocks]


class Hyphens:
    """Decides whether a hyphen at a line's end belongs to the word.

    A document is its own dictionary: the form it uses in the middle of lines is the right one.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._seen = Counter(word.strip(".,;:()[]“”\"'").casefold() for word in words)
        self._pairs: Counter[str] = Counter()
        for form, count in self._seen.items():
            parts = form.split("-")
            for left, right in itertools.pairwise(parts):
                self._pairs[f"{left}-{right}"] += count

    def join(self, left: str, right: str) -> str:
        """``left``, which ends in a hyphen, as it reads before ``right``."""
        first, second = left.rstrip("-").strip("([“\"'"), right.strip(".,;:()[]“”\"'")
        if not second[:1].islower() or not first[-1:].isalpha():
            return left
        if "-" in first or (first.isupper() and len(first) > 1):
            return left if self._seen[(first + second).casefold()] == 0 else left[:-1]
        second = second.split("-")[0].casefold()
        first = first.casefold()
        hyphenated = self._pairs[f"{first}-{second}"]
        solid = self._seen[first + second]
        return left if hyphenated > solid else left[:-1]


def _leaves_references(heading: Block) -> bool:
    """Whether a heading behind the references starts something else: an appendix, say."""
    return bool(_NUMBERED.match(heading.text) or _UNNUMBERED.match(heading.text))


def _body_size(sheets: Sequence[Sheet]) -> float:
    """The font size that most letters of the document are set in."""
    sizes: Counter[float] = Counter()
    for sheet in sheets:
        for word in sheet.words:
            sizes[round(word.size * 2) / 2] += len(word.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def _furniture(sheets: Sequence[Sheet]) -> frozenset[tuple[str, int]]:
    """Running heads and feet: (text without digits, height on the page) met on three pages or more."""
    seen: Counter[tuple[str, int]] = Counter()
    for sheet in sheets:
        seen.update({_furniture_key(line) for line in _margin_lines(sheet)})
    return frozenset(key for key, count in seen.items() if count >= 3)


def _furniture_key(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+", "", line.text).strip().casefold(), round(line.y0 / 6)


def _margin_lines(sheet: Sheet) -> list[Line]:
    """Lines in the top and bottom eighth of a page."""
    edge = sheet.height / 8
    words = [w for w in sheet.words if w.y1 < edge or w.y0 > sheet.height - edge]
    return lines_of(words)


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading by the outline: the number of its first line, and its depth."""

    number: int
    level: int


_Headings = Mapping[Line, _Heading]
"""Which lines of a column are headings by the outline."""


class _PageLayout:
    """One page's way from words to blocks."""

    def __init__(
        self,
        sheet: Sheet,
        body: float,
        furniture: frozenset[tuple[str, int]],
        hyphens: Hyphens,
        outline: Outline,
    ) -> None:
        self._sheet = sheet
        self._outline = outline
        self._body = body
        self._hyphens = hyphens
        self._words = self._without_furniture(furniture)
        self._groups = 0
        captions = captions_of(sheet, self._words)
        regions = ruled_regions(sheet, self._words)
        self._tables = [r for r in regions if not is_figure(r, captions)]
        charts = [r for r in regions if is_figure(r, captions)]
        self._words = [w for w in self._words if not any(r.holds(w) for r in charts)]

    def blocks(self) -> list[Block]:
        """The page's blocks in reading order."""
        blocks: list[Block] = []
        for column in self._columns():
            blocks += self._column_blocks(column)
        return _captions_to_tables(blocks)

    def _without_furniture(self, furniture: frozenset[tuple[str, int]]) -> list[Word]:
        drop: set[Word] = set()
        lines = _margin_lines(self._sheet)
        for line in lines:
            outermost = line in (lines[0], lines[-1])
            number = len(line.words) < 3 and line.text.strip("-– ").isdecimal()
            if _furniture_key(line) in furniture or (outermost and number):
                drop.update(line.words)
        return [word for word in self._sheet.words if word not in drop]

    def _columns(self) -> list[list[Word]]:
        """The words of each column or full-width band, in reading order."""
        gutter = _gutter(self._sheet, self._words)
        if gutter is None:
            return [self._words] if self._words else []
        bands = self._crossing_bands(gutter)
        columns: list[list[Word]] = []
        top = 0.0
        for low, high in [*bands, (self._sheet.height + 1, self._sheet.height + 1)]:
            between = [w for w in self._words if top <= (w.y0 + w.y1) / 2 < low]
            columns.append([w for w in between if (w.x0 + w.x1) / 2 < gutter])
            columns.append([w for w in between if (w.x0 + w.x1) / 2 >= gutter])
            columns.append([w for w in self._words if low <= (w.y0 + w.y1) / 2 < high])
            top = high
        return [column for column in columns if column]

    def _crossing_bands(self, gutter: float) -> list[tuple[float, float]]:
        """Heights (top, bottom) at which something reaches over the gutter, merged when close."""
        spans = [(r.y0, r.y1) for r in self._tables if r.x0 < gutter - 5 and r.x1 > gutter + 5]
        for line in lines_of(self._words):
            for piece in line.cells(1.0 * line.size):
                crosses = piece.x0 < gutter - 8 and piece.x1 > gutter + 8
                spans += [(piece.y0 - 1, piece.y1 + 1)] if crosses else []
        merged: list[tuple[float, float]] = []
        for low, high in sorted(spans):
            if merged and low - merged[-1][1] < 1.6 * self._body:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged

    def _column_blocks(self, words: list[Word]) -> list[Block]:
        """The blocks of one column: its tables and what stands between them, top to bottom."""
        regions = sorted(
            (r for r in self._tables if any(r.holds(w) for w in words)), key=lambda r: r.y0
        )
        loose = [w for w in words if not any(r.holds(w) for r in regions)]
        lines = lines_of(loose)
        regions += unruled_regions(lines, self._body)
        lines = lines_of([w for w in loose if not any(r.holds(w) for r in regions)])
        blocks: list[Block] = []
        for region in sorted(regions, key=lambda r: r.y0):
            above = [line for line in lines if line.y1 <= region.y0 + 2]
            lines = [line for line in lines if line.y1 > region.y0 + 2]
            blocks += self._prose(above)
            blocks += self._table([w for w in words if region.holds(w)], region)
        return blocks + self._prose(lines)

    def _table(self, words: list[Word], region: Region) -> list[Block]:
        self._groups += 1
        x0, x1 = region.x0 - 8, region.x1 + 8
        rules = [rule for rule in self._sheet.rules if x0 <= rule.x0 and rule.x1 <= x1]
        return table_blocks(
            lines_of(words), rules, self._sheet.number, self._groups, self._hyphens.join
        )

    def _prose(self, lines: list[Line]) -> list[Block]:
        """Headings, paragraphs, captions … of lines that stand below each other."""
        headings = self._outlined(lines)
        lines = _without_figures(_side_by_side(lines), self._body, headings)
        blocks = []
        for group in _paragraphs(lines, self._body, headings):
            kind, level = self._kind(group, headings)
            text, spans = self._join(group)
            if text:
                blocks.append(Block(kind, text, spans, level))
        return blocks

    def _outlined(self, lines: Sequence[Line]) -> _Headings:
        """The lines that are headings by the outline."""
        headings: dict[Line, _Heading] = {}
        page = self._sheet.number
        texts = [line.text for line in lines]
        at = 0
        while at < len(lines) and self._outline.awaits(page):
            count, level = self._outline.find(texts[at : at + 4], _look(lines[at]), page)
            headings |= dict.fromkeys(lines[at : at + count], _Heading(at, level))
            at += max(count, 1)
        return headings

    def _kind(self, group: Sequence[Line], headings: _Headings) -> tuple[BlockKind, int]:
        """What a group of lines is: a heading if the outline names it, and not if it rules it out."""
        if heading := headings.get(group[0]):
            return "heading", heading.level
        kind, level = _kind_of(group, self._body, self._sheet)
        if kind != "heading":
            return kind, level
        text = " ".join(line.text for line in group)
        named = _NUMBERED.match(text) or _UNNUMBERED.match(text)
        ruled_out = not named and self._outline.rules_out(text, _look(group[0]), level)
        return ("paragraph", 0) if ruled_out or self._outline.is_contents(text) else (kind, level)

    def _join(self, lines: Sequence[Line]) -> tuple[str, tuple[Span, ...]]:
        """The lines' text with line-end hyphens mended, and each word's place."""
        text, spans = "", []
        words = [
            (word, at == len(line.words) - 1)
            for line in lines
            for at, word in enumerate(line.words)
        ]
        for at, (word, last) in enumerate(words):
            following = words[at + 1][0].text if at + 1 < len(words) else ""
            piece, glue = word.text, " "
            if not last and words[at + 1][0].x0 - word.x1 < 0.1 * word.size:
                glue = ""
            if last and following and piece.endswith("-") and len(piece) > 1:
                piece, glue = self._hyphens.join(piece, following), ""
            box = Box(self._sheet.number, word.x0, word.y0, word.x1, word.y1)
            spans.append(Span(len(text), len(text) + len(piece), box))
            text += piece + glue
        return text.rstrip(), tuple(spans)


def _gutter(sheet: Sheet, words: Sequence[Word]) -> float | None:
    """Where the space between two columns lies, or None on a page with one.

    The x that the fewest pieces of text cross, if about as much text stands left as right of it.
    """
    pieces = [piece for line in lines_of(words) for piece in line.cells(0.9 * line.size)]
    if len(pieces) < 12:
        return None
    total = sum(p.x1 - p.x0 for p in pieces)
    crossed: dict[int, float] = {}
    for x in range(int(sheet.width * 0.42), int(sheet.width * 0.58)):
        left = sum(p.x1 - p.x0 for p in pieces if p.x1 <= x)
        right = sum(p.x1 - p.x0 for p in pieces if p.x0 >= x)
        if min(left, right) > 0.15 * total:
            crossed[x] = total - left - right
    if not crossed or min(crossed.values()) > 0.6 * total:
        return None
    gutter = median(x for x, length in crossed.items() if length <= min(crossed.values()) + 1)
    tall = [p for p in pieces if p.x1 - p.x0 > 0.25 * sheet.width]
    sides = sum(p.x1 <= gutter for p in tall), sum(p.x0 >= gutter for p in tall)
    return gutter if min(sides) >= 3 else None


def _without_figures(lines: list[Line], body: float, headings: _Headings) -> list[Line]:
    """Lines without what a figure prints above its caption: axis numbers, legends, labels."""
    keep: list[Line] = []
    above_caption = False
    for line in reversed(lines):
        caption = CAPTION.match(line.text)
        if caption:
            above_caption = caption.group(1).lower().startswith("fig")
        elif above_caption and (line in headings or not _is_label_text(line, body)):
            above_caption = False
        if line in headings or ((caption or not above_caption) and not _is_axis(line, body)):
            keep.append(line)
    return keep[::-1]


def _is_label_text(line: Line, body: float) -> bool:
    """Whether a line is set unlike prose: few words in a row, in another size than the body's."""
    longest = max(len(cell.words) for cell in line.cells(1.5 * line.size))
    if _NUMBERED.match(line.text) and line.bold:
        return False
    few_letters = sum(c.isalpha() for c in line.text) < 0.5 * len(line.text)
    return few_letters or (
        abs(line.size - body) > 0.04 * body and (longest < 7 or line.size > body)
    )


def _is_axis(line: Line, body: float) -> bool:
    """Whether a line holds nothing but a few small figures."""
    letters = sum(c.isalpha() for c in line.text)
    return line.size < 0.85 * body and letters < 0.3 * len(line.text) and len(line.text) < 25


def _paragraphs(lines: Sequence[Line], body: float, headings: _Headings) -> list[list[Line]]:
    """Lines grouped into paragraphs by gaps, sizes, indents, bullets and bold openings; a heading
    of the outline is a group.
    """
    if not lines:
        return []
    gaps = [b.y0 - a.y0 for a, b in itertools.pairwise(lines) if 0 < b.y0 - a.y0 < 30]
    pitch = median(gaps) if gaps else 1.2 * body
    left = min(line.x0 for line in lines)
    groups: list[list[Line]] = [[lines[0]]]
    for line in lines[1:]:
        before, heading = headings.get(groups[-1][-1]), headings.get(line)
        if heading != before or (not heading and _starts_paragraph(groups[-1], line, pitch, left)):
            groups.append([line])
        else:
            groups[-1].append(line)
    return groups


def _starts_paragraph(group: Sequence[Line], line: Line, pitch: float, left: float) -> bool:
    before = group[-1]
    if _is_heading_text(group, line):
        return False
    gap = line.y0 - before.y0
    if (
        gap > 1.35 * max(pitch, before.size * 1.15)
        or abs(line.size - before.size) > 0.09 * line.size
    ):
        return True
    if CAPTION.match(line.text) or _BULLET.match(line.words[0].text):
        return True
    if before.bold != line.bold and _NUMBERED.match((before if before.bold else line).text):
        return not CAPTION.match(group[0].text)
    if (
        line.words[0].bold
        and not before.words[-1].bold
        and before.x1 < max(li.x1 for li in group) - 15
    ):
        return True
    indented = line.x0 - left > 6
    hanging = len(group) > 1 and group[-1].x0 > group[0].x0 + 6
    if indented and not hanging and line.x0 > before.x0 + 6:
        # The second line of a hanging entry is indented, too: only a full stop tells them apart.
        return before.text.rstrip()[-1:] in ".:?!)" and len(group) > 1
    return hanging and line.x0 < before.x0 - 6


def _is_heading_text(group: Sequence[Line], line: Line) -> bool:
    """Whether a line goes on with the heading above it."""
    before = group[-1]
    return (
        before.bold
        and line.bold
        and abs(before.size - line.size) < 0.2
        and line.y0 - before.y0 < 1.35 * line.size
        and not _NUMBERED.match(line.text)
        and len(group) < 4
        and bool(_NUMBERED.match(group[0].text))
    )


def _kind_of(group: Sequence[Line], body: float, sheet: Sheet) -> tuple[BlockKind, int]:
    """What a group of lines is, and a heading's depth."""
    first, text = group[0], " ".join(line.text for line in group)
    size = first.size
    words = sum(len(line.words) for line in group)
    if CAPTION.match(text):
        return "caption", 0
    if words <= 25 and any(c.isalpha() for c in text) and len(group) <= 4:
        bold = all(line.bold for line in group)
        if size > 1.25 * body and _is_title(first, sheet) and not _UNNUMBERED.match(text):
            return "title", 0
        if size > 1.12 * body or (bold and size > 0.95 * body):
            return _heading(text, size, body)
    if _BULLET.match(first.words[0].text):
        return "list", 0
    if size < 0.92 * body and first.y0 > 0.55 * sheet.height and re.match(r"[\d*†‡∗]", text):
        return "footnote", 0
    letters = sum(c.isalpha() for c in text)
    if letters < 0.5 * len(text.replace(" ", "")) and words < 25:
        return "equation", 0
    return "paragraph", 0


def _is_title(line: Line, sheet: Sheet) -> bool:
    """Whether nothing on the first page is set larger above its upper third's end."""
    largest = max(word.size for word in sheet.words)
    return sheet.number == 1 and line.y0 < sheet.height / 3 and line.size > 0.95 * largest


def _look(line: Line) -> Look:
    return round(line.size, 1), line.bold


def _heading(text: str, size: float, body: float) -> tuple[BlockKind, int]:
    """A heading's depth: by its number where it has one, else by its size."""
    number = _NUMBERED.match(text)
    if number:
        return "heading", number.group(1).count(".") + 1
    if _UNNUMBERED.match(text) or size > 1.12 * body:
        return "heading", 1
    return ("heading", 4) if not text.rstrip().endswith((".", ",", ";")) else ("paragraph", 0)


def _captions_to_tables(blocks: list[Block]) -> list[Block]:
    """Blocks where a table's caption carries its table's group.

    A page has its captions all above their tables or all below: the side that leaves fewer
    captions alone, and then the one that leaves less space, goes first.
    """
    tables: dict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        if block.kind == "table":
            tables[block.group].append(block)
    captions = [
        at
        for at, block in enumerate(blocks)
        if block.kind == "caption" and block.text.lower().startswith("tab")
    ]
    gaps = {
        (at, group): _gap(blocks[at], rows) for at in captions for group, rows in tables.items()
    }
    above = _pairs({pair: -gap for pair, gap in gaps.items() if gap < 5})
    below = _pairs({pair: gap for pair, gap in gaps.items() if gap > -5})
    sides = [above, below]
    sides.sort(key=lambda pairs: (-len(pairs), sum(abs(gaps[pair]) for pair in pairs.items())))
    first, second = sides
    groups = first | {
        at: group for at, group in second.items() if at not in first and group not in first.values()
    }
    return [
        replace(block, group=groups[at]) if at in groups else block
        for at, block in enumerate(blocks)
    ]


def _pairs(gaps: dict[tuple[int, int], float]) -> dict[int, int]:
    """Captions with the groups of their tables, the nearest first, each table once."""
    pairs: dict[int, int] = {}
    for (at, group), gap in sorted(gaps.items(), key=lambda item: item[1]):
        if gap < _FARTHEST_CAPTION and at not in pairs and group not in pairs.values():
            pairs[at] = group
    return pairs


def _gap(caption: Block, rows: Sequence[Block]) -> float:
    """How far a caption stands below a table, or, negative, above it; far if it does neither."""
    boxes = [span.box for row in rows for span in row.spans]
    own = [span.box for span in caption.spans]
    left, right = min(b.x0 for b in boxes), max(b.x1 for b in boxes)
    x0, x1 = min(b.x0 for b in own), max(b.x1 for b in own)
    if min(right, x1) - max(left, x0) < 0.2 * min(right - left, x1 - x0):
        return inf
    below = min(b.y0 for b in own) - max(b.y1 for b in boxes)
    above = min(b.y0 for b in boxes) - max(b.y1 for b in own)
    return below if below > above else -above


def _side_by_side(lines: Sequence[Line]) -> list[Line]:
    """Lines where two captions beside each other come one after the other."""
    for at, line in enumerate(lines):
        parts = caption_parts(line) if CAPTION.match(line.text) else []
        if len(parts) > 1:
            edge = parts[1].x0 - 2
            end = next((n for n in range(at, len(lines)) if _crosses(lines[n], edge)), len(lines))
            words = [word for beside in lines[at:end] for word in beside.words]
            left = lines_of([word for word in words if word.x1 <= edge])
            right = lines_of([word for word in words if word.x1 > edge])
            return [*lines[:at], *left, *_side_by_side(right), *_side_by_side(lines[end:])]
    return list(lines)


def _crosses(line: Line, edge: float) -> bool:
    """Whether a line runs over an edge: with a word on it, or none that begins at it."""
    right = [word.x0 for word in line.words if word.x1 > edge]
    return any(x0 < edge for x0 in right) or (bool(right) and right[0] > edge + 6)
