"""From the words of a page to blocks in reading order.

A parser knows where each word stands and how it is set; this module finds columns, tables,
figures, headings and paragraphs in that, the same way for every parser. Lengths are PDF points.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rag.outline import Entry, Look, Outline
from rag.types import Block, BlockKind, Box, Cell, Page, Span

_CAPTION = re.compile(r"(Table|Tab\.|Figure|Fig\.|Algorithm|Listing)\s*([A-Z]?\d+)\s*[:.|]", re.I)
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)\.?\s+[A-Z0-9]")
_BULLET = re.compile(r"(?:[•◦▪–∙·*‣►]|\(?[ivx]{1,4}\)|\(?\d{1,2}[.)])$")
_REFERENCES = re.compile(r"(?:\d+\.?\s+)?(references|bibliography|literature cited)$", re.I)
_UNNUMBERED = re.compile(
    r"(abstract|acknowledge?ments?|appendix|appendices|conclusions?|references|bibliography"
    r"|limitations|ethics statement|broader impact)\b.{0,30}$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the page sets it: ``size`` is the font's, ``run`` numbers the run it was set in."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool
    run: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line that the page draws."""

    x0: float
    x1: float
    y: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page before its layout is known."""

    number: int
    label: str
    width: float
    height: float
    words: tuple[Word, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Words on one baseline of one column, left to right."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def x0(self) -> float:
        """The left end."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """The right end."""
        return self.words[-1].x1

    @property
    def y0(self) -> float:
        """The top of most words."""
        return _middle([word.y0 for word in self.words])

    @property
    def y1(self) -> float:
        """The bottom of most words."""
        return _middle([word.y1 for word in self.words])

    @property
    def size(self) -> float:
        """The size most letters of the line are set in."""
        sizes: Counter[float] = Counter()
        for word in self.words:
            sizes[round(word.size, 1)] += len(word.text)
        return sizes.most_common(1)[0][0]

    @property
    def bold(self) -> bool:
        """Whether every word of the line is."""
        return all(word.bold for word in self.words if any(map(str.isalnum, word.text)))

    def cells(self, gap: float) -> list[Line]:
        """The line cut where the space between two words exceeds ``gap``."""
        cut = [[self.words[0]]]
        for before, word in zip(self.words, self.words[1:], strict=False):
            if word.x0 - before.x1 > gap:
                cut.append([])
            cut[-1].append(word)
        return [Line(tuple(words)) for words in cut]

    def table_cells(self) -> list[Line]:
        """The line cut as a table's row: a new run of type needs less space than a new word."""
        cut = [[self.words[0]]]
        for before, word in zip(self.words, self.words[1:], strict=False):
            gap = (word.x0 - before.x1) / self.size
            if gap > 0.55 or (gap > 0.36 and word.run != before.run):
                cut.append([])
            cut[-1].append(word)
        return [Line(tuple(words)) for words in cut]


def _middle(numbers: list[float]) -> float:
    """The median's lower neighbour: cheap, and always one of the numbers."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def read_sheets(sheets: Sequence[Sheet], entries: Sequence[Entry] = ()) -> list[Page]:
    """Pages of blocks in reading order, furniture and figures' debris left out.

    ``entries`` are those of the PDF's outline, if it has one: they tell headings from what only
    looks like one.
    """
    body = _body_size(sheets)
    furniture = _furniture(sheets)
    hyphens = Hyphens(word.text for sheet in sheets for word in sheet.words)
    outline = Outline(entries)
    pages = []
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
        pages.append(Page(sheet.number, sheet.label, sheet.width, sheet.height, tuple(blocks)))
    return pages


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
        if "-" in first:
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
    return _lines(words)


def _lines(words: Sequence[Word]) -> list[Line]:
    """Words grouped by baseline, top to bottom; superscripts join the line they stand in."""
    rows: list[list[Word]] = []
    extents: list[tuple[float, float]] = []  # of each row's tallest word
    for word in sorted(words, key=lambda w: ((w.y0 + w.y1) / 2, w.x0)):
        for at in range(len(rows) - 1, max(len(rows) - 4, -1), -1):
            top, bottom = extents[at]
            shared = min(bottom, word.y1) - max(top, word.y0)
            if shared > 0.55 * min(bottom - top, word.y1 - word.y0):
                rows[at].append(word)
                if word.y1 - word.y0 > bottom - top:
                    extents[at] = (word.y0, word.y1)
                break
        else:
            rows.append([word])
            extents.append((word.y0, word.y1))
    return [Line(tuple(sorted(row, key=lambda w: w.x0))) for row in rows]


@dataclass(frozen=True, slots=True)
class _Region:
    """A rectangle of the page that holds a table."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, word: Word) -> bool:
        x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


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
        captions = _captions(sheet, self._words)
        regions = _ruled_regions(sheet, self._words)
        self._tables = [r for r in regions if not _is_figure(r, captions)]
        charts = [r for r in regions if _is_figure(r, captions)]
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
        for line in _lines(self._words):
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
        lines = _lines(loose)
        regions += _unruled_regions(lines, self._body)
        lines = _lines([w for w in loose if not any(r.holds(w) for r in regions)])
        blocks: list[Block] = []
        for region in sorted(regions, key=lambda r: r.y0):
            above = [line for line in lines if line.y1 <= region.y0 + 2]
            lines = [line for line in lines if line.y1 > region.y0 + 2]
            blocks += self._prose(above)
            blocks += self._table([w for w in words if region.holds(w)])
        return blocks + self._prose(lines)

    def _table(self, words: list[Word]) -> list[Block]:
        self._groups += 1
        lines = _lines(words)
        x0, x1 = min(line.x0 for line in lines) - 8, max(line.x1 for line in lines) + 8
        rules = [rule for rule in self._sheet.rules if x0 <= rule.x0 and rule.x1 <= x1 + 8]
        return _table_blocks(lines, rules, self._sheet.number, self._groups)

    def _prose(self, lines: list[Line]) -> list[Block]:
        """Headings, paragraphs, captions … of lines that stand below each other."""
        headings = self._outlined(lines)
        lines = _without_figures(lines, self._body, headings)
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
    pieces = [piece for line in _lines(words) for piece in line.cells(0.9 * line.size)]
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


def _ruled_regions(sheet: Sheet, words: Sequence[Word]) -> list[_Region]:
    """Tables between horizontal rules of the same width."""
    families: dict[tuple[int, int], list[Rule]] = defaultdict(list)
    for rule in sheet.rules:
        if rule.x1 - rule.x0 > 0.2 * sheet.width:
            key = next(
                (k for k in families if abs(k[0] - rule.x0) < 4 and abs(k[1] - rule.x1) < 4),
                (round(rule.x0), round(rule.x1)),
            )
            families[key].append(rule)
    regions = []
    for (x0, x1), rules in families.items():
        heights = sorted({round(rule.y, 1) for rule in rules})
        for low, high in _runs_of_rules(heights, words, x0, x1):
            region = _Region(x0 - 4, low - 1, x1 + 4, high + 1)
            if _is_tabular([w for w in words if region.holds(w)]):
                regions.append(region)
    return regions


def _runs_of_rules(
    heights: Sequence[float], words: Sequence[Word], x0: float, x1: float
) -> list[tuple[float, float]]:
    """(top, bottom) of successive rules, cut where a caption or prose stands in between."""
    runs: list[tuple[float, float]] = []
    for low, high in itertools.pairwise(heights):
        strip = _Region(x0 - 4, low - 1, x1 + 4, high + 1)
        lines = _lines([w for w in words if strip.holds(w)])
        if any(_CAPTION.match(line.text) for line in lines) or high - low < 3:
            continue
        if not lines or (len(lines) > 2 and not _is_tabular([w for li in lines for w in li.words])):
            continue
        if runs and abs(runs[-1][1] - low) < 8:
            runs[-1] = (runs[-1][0], high)
        else:
            runs.append((low, high))
    return runs


def _is_tabular(words: Sequence[Word]) -> bool:
    """Whether most lines fall apart into cells."""
    lines = _lines(words)
    cut = [len(line.cells(0.8 * line.size)) > 1 for line in lines]
    return len(lines) >= 2 and sum(cut) >= 0.4 * len(lines)


def _unruled_regions(lines: Sequence[Line], body: float) -> list[_Region]:
    """Tables without rules: three lines or more in a row that fall apart into cells."""
    runs: list[list[Line]] = [[]]
    for line in lines:
        wide = len(line.cells(1.1 * line.size)) > 1
        if wide and runs[-1] and line.y0 - runs[-1][-1].y1 > 2 * body:
            runs.append([])
        if wide:
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
    return [
        _Region(
            min(li.x0 for li in run) - 1,
            run[0].y0 - 1,
            max(li.x1 for li in run) + 1,
            run[-1].y1 + 1,
        )
        for run in runs
        if len(run) >= 3 and _looks_like_table(run, lines)
    ]


def _captions(sheet: Sheet, words: Sequence[Word]) -> list[Line]:
    """The first lines of a page's captions, each within its column."""
    middle = sheet.width / 2
    sides = [
        words,
        [w for w in words if w.x1 < middle + 20],
        [w for w in words if w.x0 > middle - 20],
    ]
    return [line for side in sides for line in _lines(side) if _CAPTION.match(line.text)]


def _is_figure(region: _Region, captions: Sequence[Line]) -> bool:
    """Whether the caption nearest to a region with rules says that it is a chart's grid."""
    near = [
        (max(line.y0 - region.y1, region.y0 - line.y1), line.text.lower())
        for line in captions
        if line.x0 < region.x1 and line.x1 > region.x0
    ]
    near = [(gap, text) for gap, text in near if -10 < gap < 60]
    return bool(near) and min(near)[1].startswith("fig")


def _looks_like_table(run: Sequence[Line], lines: Sequence[Line]) -> bool:
    """Whether aligned lines are a table and not a figure's labels: what its caption says."""
    near = [
        (min(abs(line.y0 - run[-1].y1), abs(run[0].y0 - line.y1)), match.group(1).lower())
        for line in lines
        if (match := _CAPTION.match(line.text))
    ]
    if near and min(near)[0] < 60:
        return min(near)[1].startswith("tab")
    starts = Counter(round(cell.x0 / 4) for line in run for cell in line.cells(1.1 * line.size))
    return sum(count >= len(run) - 1 for count in starts.values()) >= 2


def _without_figures(lines: list[Line], body: float, headings: _Headings) -> list[Line]:
    """Lines without what a figure prints above its caption: axis numbers, legends, labels."""
    keep: list[Line] = []
    above_caption = False
    for line in reversed(lines):
        caption = _CAPTION.match(line.text)
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
    if _CAPTION.match(line.text) or _BULLET.match(line.words[0].text):
        return True
    if before.bold != line.bold and _NUMBERED.match((before if before.bold else line).text):
        return not _CAPTION.match(group[0].text)
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
    if _CAPTION.match(text):
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
    """Blocks where a table's caption carries its table's group: the next table above or below."""
    result = list(blocks)
    taken: set[int] = set()
    for at, block in enumerate(blocks):
        if block.kind != "caption" or not block.text.lower().startswith("tab"):
            continue
        for other in (at - 1, at + 1, at - 2, at + 2):
            if 0 <= other < len(blocks):
                group = blocks[other].group
                if blocks[other].kind == "table" and group not in taken:
                    taken.add(group)
                    result[at] = replace(block, group=group)
                    break
    return result


def _table_blocks(
    lines: Sequence[Line], rules: Sequence[Rule], page: int, group: int
) -> list[Block]:
    """One block a row, each cell under the heads of its column."""
    rows = [line.table_cells() for line in lines]
    columns = _column_extents(rows)
    head_count = _head_rows(lines, rows, rules)
    body = _merge_wrapped(rows[head_count:], columns, rules)
    figures = sum(map(_has_data, body)) > 0.5 * len(body)
    blocks: list[Block] = []
    heads: list[_Head] = []
    for at, row in enumerate([*rows[:head_count], *body]):
        again = figures and at > head_count and _is_between_rules(row, rules)
        if at < head_count or again:
            row = [part for cell in row for part in _by_column(cell, columns, rules)]
            heads = [] if again else heads
            heads = [*heads, *(_Head(cell, *_reach(cell, rules)) for cell in row)]
            blocks.append(_row_block(row, [], page, group, level=1))
        else:
            blocks.append(_row_block(row, heads, page, group))
    return blocks


def _is_between_rules(row: Sequence[Line], rules: Sequence[Rule]) -> bool:
    """Whether a row of words stands between two rules of its own: heads in a table's middle."""
    middle, size = (row[0].y0 + row[0].y1) / 2, row[0].size
    above = any(0.2 * size < middle - rule.y < 1.8 * size for rule in rules)
    below = any(0.2 * size < rule.y - middle < 1.8 * size for rule in rules)
    return len(row) > 2 and not _has_data(row) and above and below


def _by_column(
    head: Line, columns: Sequence[tuple[float, float]], rules: Sequence[Rule]
) -> list[Line]:
    """A head cell cut where its words stand over different columns, unless a rule joins them."""
    parts: dict[int, list[Word]] = defaultdict(list)
    for word in head.words:
        middle = (word.x0 + word.x1) / 2
        over = min(
            range(len(columns)), key=lambda i: max(columns[i][0] - middle, middle - columns[i][1])
        )
        parts[over].append(word)
    if _reach(head, rules) != (head.x0, head.x1):
        return [head]
    return [Line(tuple(words)) for _, words in sorted(parts.items())]


@dataclass(frozen=True, slots=True)
class _Head:
    """A head cell and how far it reaches: over its own width, or along the rule under it."""

    cell: Line
    x0: float
    x1: float


def _reach(head: Line, rules: Sequence[Rule]) -> tuple[float, float]:
    """A head's (left, right): those of the rule close under it that no other column shares."""
    middle = (head.x0 + head.x1) / 2
    widest = max((rule.x1 - rule.x0 for rule in rules), default=0.0)
    under = [
        rule
        for rule in rules
        if -2 < rule.y - head.y1 < 0.8 * head.size
        and rule.x0 <= middle <= rule.x1
        and rule.x1 - rule.x0 < 0.7 * widest
        and abs((rule.x0 + rule.x1) / 2 - middle) < 0.15 * (rule.x1 - rule.x0) + 3
    ]
    if not under:
        return head.x0, head.x1
    nearest = min(under, key=lambda rule: rule.x1 - rule.x0)
    return min(nearest.x0, head.x0), max(nearest.x1, head.x1)


def _column_extents(rows: Sequence[Sequence[Line]]) -> list[tuple[float, float]]:
    """Each column's (left, right), from the rows that have the most cells."""
    most = Counter(len(row) for row in rows if len(row) > 1)
    if not most:
        return [(min(r[0].x0 for r in rows), max(r[-1].x1 for r in rows))]
    width = max(most, key=lambda n: (most[n] * n, n))
    full = [row for row in rows if len(row) == width]
    return [(min(row[i].x0 for row in full), max(row[i].x1 for row in full)) for i in range(width)]


def _head_rows(lines: Sequence[Line], rows: Sequence[Sequence[Line]], rules: Sequence[Rule]) -> int:
    """How many rows at the top are heads: those above the first rule as wide as the table, and
    above the rules after it that have no data above them.
    """
    inner = [rule for rule in rules if lines[0].y0 + 2 < rule.y < lines[-1].y0 - 2]
    widest = max((rule.x1 - rule.x0 for rule in rules), default=0.0)
    heads, under_head = 0, False
    for rule in sorted(inner, key=lambda rule: rule.y):
        above = sum(line.y1 <= rule.y + 2 for line in lines)
        fresh = rows[heads:above]
        lone = bool(heads and fresh) and all(len(row) == 1 for row in fresh)
        if above > 5 or lone or (any(map(_has_data, fresh)) and (under_head or above > 3)):
            break
        heads = above
        under_head = under_head or rule.x1 - rule.x0 > 0.85 * widest
    if heads >= len(rows):
        heads = 0
    if heads == 0 and len(rows) > 1 and len(rows[0]) > 1 and not _has_data(rows[0]):
        return 1
    return heads


def _has_data(row: Sequence[Line]) -> bool:
    """Whether a row holds figures rather than heads: two cells or more that are mostly digits."""
    numeric = sum(
        sum(c.isdigit() for c in cell.text) >= 0.4 * len(cell.text.replace(" ", "")) for cell in row
    )
    return numeric >= 2


def _merge_wrapped(
    rows: Sequence[Sequence[Line]],
    columns: Sequence[tuple[float, float]],
    rules: Sequence[Rule],
) -> list[list[Line]]:
    """Rows, with a line that has no first cell joined to the row it goes on with."""
    merged: list[list[Line]] = []
    for row in rows:
        starts = row[0].x0 <= columns[0][1]
        apart = _is_label(row, columns) or _is_between_rules(row, rules)
        if merged and not starts and len(row) < len(columns) and not apart:
            merged[-1] = [*merged[-1], *row]
        else:
            merged.append(list(row))
    return merged


def _is_label(row: Sequence[Line], columns: Sequence[tuple[float, float]]) -> bool:
    """Whether a row is a heading of the rows below it, set over the middle of the table."""
    middle = (columns[0][0] + columns[-1][1]) / 2
    off = abs((row[0].x0 + row[0].x1) / 2 - middle)
    aligned = any(abs(row[0].x0 - left) < 3 for left, _ in columns)
    return len(row) == 1 and not aligned and off < 0.06 * (columns[-1][1] - columns[0][0])


def _row_block(
    row: Sequence[Line], heads: Sequence[_Head], page: int, group: int, level: int = 0
) -> Block:
    text, spans, cells = "", [], []
    for cell in row:
        start = len(text)
        for word in cell.words:
            box = Box(page, word.x0, word.y0, word.x1, word.y1)
            spans.append(Span(len(text), len(text) + len(word.text), box))
            text += word.text + " "
        cells.append(Cell(start, len(text) - 1, _head_of(cell, heads)))
    return Block("table", text.rstrip(), tuple(spans), level, group, tuple(cells))


def _head_of(cell: Line, heads: Sequence[_Head]) -> str:
    """What stands above a cell, top down: each head that reaches its middle, or lies in its width."""
    middle = (cell.x0 + cell.x1) / 2
    return " ".join(
        head.cell.text
        for head in heads
        if head.x0 - 6 <= middle <= head.x1 + 6
        or cell.x0 - 1 <= (head.cell.x0 + head.cell.x1) / 2 <= cell.x1 + 1
    )


def clean(text: str) -> str:
    """Text in NFKC without control and zero-width characters."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(
        c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs")
    ).strip()
