"""From the words and drawn rules of one table to rows of cells, each under its heads. Pure.

The page says what belongs together in three ways, and none of them is always there: white space
that runs down through most rows parts columns, rules part heads from rows and rows from rows, and
a head stands over the middle of what it heads.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rag.sheets import Line, Rule, Word
from rag.types import Block, Box, Cell, Span

_Column = tuple[float, float]
"""A column's (left, right)."""

_Join = Callable[[str, str], str]
"""What ends in a hyphen at a line's end as it reads before the word of the next line."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """Words of one cell, line by line, and the box around them."""

    words: tuple[Word, ...]
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def pieces(self, join: _Join) -> Iterator[tuple[Word, str, str]]:
        """Each word, its text with a line-end hyphen mended, and what stands behind it."""
        for word, after in itertools.zip_longest(self.words, self.words[1:]):
            ends_line = after is not None and after.y0 > word.y0 + 0.5 * word.size
            if ends_line and word.text.endswith("-") and len(word.text) > 1:
                yield word, join(word.text, after.text), ""
            else:
                yield word, word.text, " "

    @property
    def middle(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def size(self) -> float:
        return self.words[0].size


_Row = list[_Cell]


@dataclass(frozen=True, slots=True)
class _Head:
    """A head cell and how far it reaches: over its own width, a rule under it, or its columns."""

    cell: _Cell
    x0: float
    x1: float


def table_blocks(
    lines: Sequence[Line], rules: Sequence[Rule], page: int, group: int, join: _Join
) -> list[Block]:
    """One block a row, each cell under the heads of its column.

    A row of one cell names the rows below it: it stands under no head. Where a first column holds
    such a name once for several rows, it becomes a row of its own above them.
    """
    rows = [_row(line) for line in lines]
    head_count = _head_rows(lines, rows, rules)
    body = _recut(rows[head_count:])
    columns = _columns([*rows[:head_count], *body])
    every = _with_rare(columns, [*rows[:head_count], *body])
    bands = _bands(body, rules)
    wrapped = _is_wrapped(bands, columns)
    body = [row for band in bands for row in _merged(band, columns, every, wrapped)]
    body = _with_group_rows(body, columns, rules)
    grid = len(bands) > 0.5 * len(body)
    figures = sum(map(_has_data, body)) > 0.5 * len(body) and not grid
    levels = _head_levels(rows[:head_count], every, rules)
    heads = [head for level in levels for head in level]
    blocks = [_block([h.cell for h in level], [], page, group, join, level=1) for level in levels]
    for at, row in enumerate(body):
        if at and figures and _is_between_rules(row, rules):
            (level,) = _head_levels([row], every, rules)
            heads = level
            blocks.append(_block([head.cell for head in level], [], page, group, join, level=1))
        else:
            named = len(row) > 1 or len(columns) < 2
            blocks.append(_block(_joined(row, heads), heads if named else [], page, group, join))
    return blocks


def _cell(words: Iterable[Word]) -> _Cell:
    words = tuple(words)
    return _Cell(
        words,
        min(word.x0 for word in words),
        min(word.y0 for word in words),
        max(word.x1 for word in words),
        max(word.y1 for word in words),
    )


def _row(line: Line) -> _Row:
    return [_cell(part.words) for part in line.table_cells()]


# Columns


def _recut(rows: Sequence[_Row]) -> list[_Row]:
    """Rows cut into cells where the rows agree on a space, and nowhere else.

    A wide space between words of a justified text is no space in the other rows, and two figures
    that nearly touch are two where all others stand apart.
    """
    if len(rows) < 3:
        return list(rows)
    ink, blank = _profile(rows)
    lefts = sorted(row[0].x0 for row in rows)
    return [list(_cut(row, ink, blank, lefts)) for row in rows]


def _profile(rows: Sequence[_Row]) -> tuple[Counter[int], Counter[int]]:
    """How many rows have a cell at each point across the table, and how many a space between two."""
    ink: Counter[int] = Counter()
    blank: Counter[int] = Counter()
    for row in rows:
        starts = {id(cell.words[0]) for cell in row}
        words = [word for cell in row for word in cell.words]
        for word, after in itertools.pairwise(words):
            # What is set in another run may be another cell, however near.
            other = after.run != word.run and after.x0 - word.x1 > 0.2 * word.size
            apart = other or id(after) in starts
            _count(ink, round(word.x0), round(word.x1 if apart else after.x0) + 1)
            if apart:
                _count(blank, round(word.x1) + 1, round(after.x0))
        _count(ink, round(words[-1].x0), round(words[-1].x1) + 1)
    return ink, blank


def _count(points: Counter[int], start: int, end: int) -> None:
    # Counter.update with a range is twice as slow.
    for x in range(start, end):
        points[x] += 1


def _cut(
    row: _Row, ink: Counter[int], blank: Counter[int], lefts: Sequence[float]
) -> Iterator[_Cell]:
    most = 0.6 * len(lefts)
    starts = {id(cell.words[0]) for cell in row}
    words = [word for cell in row for word in cell.words]
    current = [words[0]]
    for before, word in itertools.pairwise(words):
        points = range(round(before.x1), round(word.x0) + 1)
        own = id(word) in starts
        share = max(
            (blank[x] - own) / max(blank[x] + ink[x] - 1, 1) for x in points or [round(word.x0)]
        )
        if own:
            apart = share >= 0.34 or min(ink[x] for x in points) == 0
        else:
            left, right = (ink[round((w.x0 + w.x1) / 2)] for w in (before, word))
            outside = sum(x >= before.x1 for x in lefts)
            clear = word.x0 - before.x1 > 0.2 * word.size and len(row) > 2
            apart = clear and share >= 0.7 and right >= most and max(left, outside) >= most
        if apart:
            yield _cell(current)
            current = []
        current.append(word)
    yield _cell(current)


def _columns(rows: Sequence[_Row]) -> list[_Column]:
    """Each column's (left, right), from the rows that have the most cells."""
    most = Counter(len(row) for row in rows if len(row) > 1)
    if not most:
        return [(min(r[0].x0 for r in rows), max(r[-1].x1 for r in rows))]
    width = max(most, key=lambda n: (most[n] * n, n))
    full = [row for row in rows if len(row) == width]
    return [(min(row[i].x0 for row in full), max(row[i].x1 for row in full)) for i in range(width)]


def _with_rare(columns: Sequence[_Column], rows: Sequence[_Row]) -> list[_Column]:
    """The columns with those that few rows have a cell in: names of groups, say."""
    every = list(columns)
    for cell in (cell for row in rows for cell in row):
        over = [c for c in every if cell.x0 < c[1] and cell.x1 > c[0]]
        if not over or (len(over) == 1 and over[0] not in columns):
            every = [c for c in every if c not in over]
            every.append(
                (min([cell.x0, *(c[0] for c in over)]), max([cell.x1, *(c[1] for c in over)]))
            )
    return sorted(every)


def _column_of(cell: _Cell | Word, columns: Sequence[_Column]) -> int:
    """The column a cell stands in, or is nearest to."""
    middle = (cell.x0 + cell.x1) / 2
    return min(
        range(len(columns)), key=lambda i: max(columns[i][0] - middle, middle - columns[i][1])
    )


# Rows


def _bands(rows: Sequence[_Row], rules: Sequence[Rule]) -> list[list[_Row]]:
    """Rows, parted wherever a rule runs under most of the table."""
    widest = max((rule.x1 - rule.x0 for rule in rules), default=0.0)
    heights = [rule.y for rule in rules if rule.x1 - rule.x0 > 0.5 * widest]
    bands: list[list[_Row]] = []
    for row in rows:
        if not bands or _is_rule_between(bands[-1][-1], row, heights):
            bands.append([])
        bands[-1].append(row)
    return bands


def _is_rule_between(above: _Row, below: _Row, heights: Sequence[float]) -> bool:
    top, bottom = _level(above), _level(below)
    return any(top < y < bottom for y in heights)


def _level(row: _Row) -> float:
    return (row[0].words[-1].y0 + row[0].words[-1].y1) / 2


def _is_wrapped(bands: Sequence[Sequence[_Row]], columns: Sequence[_Column]) -> bool:
    """Whether rules part the rows, each of several lines: then some lines lack a later column."""
    tall = [band for band in bands if len(band) > 1]
    return (
        len(bands) > 2
        and bool(tall)
        and sum(_is_one_row(band, columns) for band in tall) > 0.6 * len(tall)
    )


def _is_one_row(band: Sequence[_Row], columns: Sequence[_Column]) -> bool:
    if sum(map(_has_data, band)) > 1:
        return False
    held = Counter(i for row in band for i in {_column_of(cell, columns) for cell in row})
    return any(held[i] < len(band) for i in range(1, len(columns)))


def _merged(
    band: Sequence[_Row], columns: Sequence[_Column], every: Sequence[_Column], wrapped: bool
) -> list[_Row]:
    """A band's lines as rows: a line without a first cell goes on with the row above it.

    Where rules part the rows (``wrapped``), all lines of a band are one, unless several hold
    figures.
    """
    one = wrapped and sum(map(_has_data, band)) < 2
    merged: list[_Row] = []
    for row in band:
        if merged and (one or _goes_on(row, columns)):
            merged[-1] = _both(merged[-1], row, every)
        else:
            merged.append(row)
    return merged


def _goes_on(row: _Row, columns: Sequence[_Column]) -> bool:
    starts = row[0].x0 <= columns[0][1]
    full = (len(row) > 2 and len(row) >= len(columns) - 1) or (len(row) > 1 and _has_data(row))
    return not starts and not full and len(row) < len(columns) and not _is_label(row, columns)


def _both(above: _Row, below: _Row, columns: Sequence[_Column]) -> _Row:
    """A row and the line that goes on with it, column by column."""
    if len(columns) < 2:
        return [*above, *below]
    parts: dict[int, list[_Cell]] = defaultdict(list)
    for cell in (*above, *below):
        parts[_column_of(cell, columns)].append(cell)
    return [
        _cell(word for cell in cells for word in cell.words) for _, cells in sorted(parts.items())
    ]


def _is_label(row: _Row, columns: Sequence[_Column]) -> bool:
    """Whether a row is a heading of the rows below it, set over the middle of the table."""
    middle = (columns[0][0] + columns[-1][1]) / 2
    aligned = any(abs(row[0].x0 - left) < 3 for left, _ in columns)
    off = abs(row[0].middle - middle)
    return len(row) == 1 and not aligned and off < 0.06 * (columns[-1][1] - columns[0][0])


def _with_group_rows(
    body: Sequence[_Row], columns: Sequence[_Column], rules: Sequence[Rule]
) -> list[_Row]:
    """Rows where a name in the first column that holds for several rows stands above them."""
    outside = [row[0].x1 for row in body if row[0].x1 < columns[0][0]]
    # The names stand in a column left of the others, or else in the first.
    edge = max(outside) if outside else columns[0][1] if len(columns) > 2 else 0.0
    groups = _row_groups(body, rules, lambda row: _is_named(row, edge, columns))
    names = [
        [at for at, row in enumerate(group) if _is_named(row, edge, columns)] for group in groups
    ]
    tall = [(group, named) for group, named in zip(groups, names, strict=True) if len(group) > 1]
    # Rows above the first name belong to no group.
    tall = tall[next((at for at, (_, named) in enumerate(tall) if named), len(tall)) :]
    sparse = all(named and named[-1] - named[0] < max(1, len(group) / 2) for group, named in tall)
    if not sparse or sum(len(group) for group, _ in tall) < 0.5 * len(body):
        return list(body)
    return [
        row
        for group, named in zip(groups, names, strict=True)
        for row in _group_first(group, named)
    ]


def _row_groups(
    body: Sequence[_Row], rules: Sequence[Rule], named: Callable[[_Row], bool]
) -> list[list[_Row]]:
    """Rows parted by rules, or else by more space than most rows leave between them, or else
    where a name stands.
    """
    bands = _bands(body, rules)
    if len(bands) > 1:
        return bands
    pitches = [_level(b) - _level(a) for a, b in itertools.pairwise(body)]
    groups: list[list[_Row]] = [[]]
    for at, row in enumerate(body):
        if at and pitches[at - 1] > 1.3 * median(pitches):
            groups.append([])
        groups[-1].append(row)
    if len(groups) > 1:
        return groups
    starts = [at for at, row in enumerate(body) if at == 0 or named(row)]
    return [list(body[a:b]) for a, b in itertools.pairwise([*starts, len(body)])]


def _is_named(row: _Row, edge: float, columns: Sequence[_Column]) -> bool:
    return row[0].x1 <= edge and (len(row) > 1 or row[0].x1 < columns[0][0])


def _group_first(group: Sequence[_Row], named: Sequence[int]) -> list[_Row]:
    if len(group) < 2 or not named:
        return list(group)
    name = _cell(word for at in named for word in group[at][0].words)
    rest = [row[1:] if at in named else row for at, row in enumerate(group)]
    return [[name], *(row for row in rest if row)]


# Heads


def _head_rows(lines: Sequence[Line], rows: Sequence[_Row], rules: Sequence[Rule]) -> int:
    """How many rows at the top are heads: those above the first rule as wide as the table, and
    those above the next that they span.
    """
    inner = [rule for rule in rules if lines[0].y0 + 2 < rule.y < lines[-1].y0 - 2]
    widest = max((rule.x1 - rule.x0 for rule in rules), default=0.0)
    heads, under_head = 0, False
    for rule in sorted(inner, key=lambda rule: rule.y):
        above = sum(line.y1 <= rule.y + 2 for line in lines)
        fresh = rows[heads:above]
        lone = bool(heads and fresh) and all(len(row) == 1 for row in fresh)
        # A row with more cells than all above it is what they span.
        spanned = all(len(row) < min(map(len, fresh)) for row in rows[:heads]) if fresh else True
        if above > 5 or lone or (under_head and not spanned):
            break
        if any(map(_has_data, fresh)) and (under_head or above > 3):
            break
        heads = above
        under_head = under_head or rule.x1 - rule.x0 > 0.85 * widest
    if heads >= len(rows):
        heads = 0
    if heads == 0 and len(rows) > 1 and len(rows[0]) > 1 and not _has_data(rows[0]):
        return 1
    return heads


def _head_levels(
    rows: Sequence[_Row], columns: Sequence[_Column], rules: Sequence[Rule]
) -> list[list[_Head]]:
    """The heads, level by level, each with its reach."""
    return [
        [head for cell in row for head in _heads(cell, row, rows[at + 1 :], columns, rules)]
        for at, row in enumerate(rows)
    ]


def _heads(
    cell: _Cell,
    row: _Row,
    below: Sequence[_Row],
    columns: Sequence[_Column],
    rules: Sequence[Rule],
) -> list[_Head]:
    """A head cell, or its parts where its words stand over different columns."""
    ruled = _under_rule(cell, rules)
    if ruled:
        return [_Head(cell, *ruled)]
    spanned = _spanned(cell, row, below, columns)
    if spanned:
        return [_Head(cell, *spanned)]
    parts: dict[int, list[Word]] = defaultdict(list)
    for word in cell.words:
        parts[_column_of(word, columns)].append(word)
    cells = [_cell(words) for _, words in sorted(parts.items())]
    return [_Head(part, part.x0, part.x1) for part in cells]


def _under_rule(cell: _Cell, rules: Sequence[Rule]) -> _Column | None:
    """The (left, right) of a rule close under a head that no other column shares."""
    widest = max((rule.x1 - rule.x0 for rule in rules), default=0.0)
    under = [
        rule
        for rule in rules
        if -2 < rule.y - cell.y1 < 0.8 * cell.size
        and rule.x0 <= cell.middle <= rule.x1
        and rule.x1 - rule.x0 < 0.7 * widest
        and abs((rule.x0 + rule.x1) / 2 - cell.middle) < 0.15 * (rule.x1 - rule.x0) + 3
    ]
    if not under:
        return None
    nearest = min(under, key=lambda rule: rule.x1 - rule.x0)
    return min(nearest.x0, cell.x0), max(nearest.x1, cell.x1)


def _spanned(
    cell: _Cell, row: _Row, below: Sequence[_Row], columns: Sequence[_Column]
) -> _Column | None:
    """The (left, right) of the heads of one row below that a head without a rule is centred over.

    None if they are not several; a head no wider than the column below it may be that column's.
    """
    own = columns[_column_of(cell, columns)]
    if own[0] - 2 <= cell.x0 and cell.x1 <= own[1] + 2:
        return None
    runs = [
        (columns[i][0], columns[j][1])
        for lower in below
        for i, j in itertools.combinations(sorted(_nearest(cell, row, lower, columns)), 2)
        if columns[i][0] <= cell.x0 + 2 and cell.x1 - 2 <= columns[j][1]
    ]
    centred = [run for run in runs if abs((run[0] + run[1]) / 2 - cell.middle) < 0.5 * cell.size]
    return max(centred, key=lambda run: run[1] - run[0], default=None)


def _nearest(cell: _Cell, row: _Row, lower: _Row, columns: Sequence[_Column]) -> list[int]:
    """The columns of a lower row's cells that are nearer to a head than to the others of its row."""
    return [
        _column_of(under, columns)
        for under in lower
        if min(row, key=lambda other: abs(other.middle - under.middle)) is cell
    ]


def _is_between_rules(row: _Row, rules: Sequence[Rule]) -> bool:
    """Whether a row of words stands between two rules of its own: heads in a table's middle."""
    middle, size = (row[0].y0 + row[0].y1) / 2, row[0].size
    above = any(0.2 * size < middle - rule.y < 1.8 * size for rule in rules)
    below = any(0.2 * size < rule.y - middle < 1.8 * size for rule in rules)
    return len(row) > 2 and not _has_data(row) and above and below


def _has_data(row: _Row) -> bool:
    """Whether a row holds figures rather than heads: two cells or more that are mostly digits."""
    numeric = sum(
        sum(c.isdigit() for c in cell.text) >= 0.4 * len(cell.text.replace(" ", "")) for cell in row
    )
    return numeric >= 2


def _over(cell: _Cell, heads: Sequence[_Head]) -> list[_Head]:
    """What stands above a cell, top down: each head that reaches its middle, or lies in its width."""
    return [
        head
        for head in heads
        if head.x0 - 6 <= cell.middle <= head.x1 + 6
        or cell.x0 - 1 <= head.cell.middle <= cell.x1 + 1
    ]


# Blocks


def _joined(row: _Row, heads: Sequence[_Head]) -> _Row:
    """The row with close cells under the very same heads made one: a figure and its deviation."""
    joined: _Row = row[:1]
    for cell in row[1:]:
        before = joined[-1]
        over = _over(cell, heads)
        close = 0 <= cell.x0 - before.x1 < cell.size
        if close and over and over == _over(before, heads):
            joined[-1] = _cell((*before.words, *cell.words))
        else:
            joined.append(cell)
    return joined


def _block(
    row: _Row, heads: Sequence[_Head], page: int, group: int, join: _Join, level: int = 0
) -> Block:
    text, spans, cells = "", [], []
    for cell in row:
        start = len(text)
        for word, piece, glue in cell.pieces(join):
            box = Box(page, word.x0, word.y0, word.x1, word.y1)
            spans.append(Span(len(text), len(text) + len(piece), box))
            text += piece + glue
        cells.append(Cell(start, len(text) - 1, _head_text(_over(cell, heads), join)))
    return Block("table", text.rstrip(), tuple(spans), level, group, tuple(cells))


def _head_text(heads: Sequence[_Head], join: _Join) -> str:
    words = [word for head in heads for word in head.cell.words]
    if not words:
        return ""
    return "".join(piece + glue for _, piece, glue in _cell(words).pieces(join)).rstrip()


def with_heads(rows: Sequence[Block], before: Sequence[Block]) -> list[Block]:
    """The rows of a table that goes on from the page before, under the heads it has there.

    ``before`` are that page's rows. The rows stay as they are where they have heads of their own,
    or where a cell stands under no column of the row before.
    """
    last = max(reversed(before), key=lambda row: len(row.cells))
    columns = [(_extent(last, cell), cell.head) for cell in last.cells]
    if any(cell.head for row in rows for cell in row.cells) or any(row.level for row in rows):
        return list(rows)
    continued = []
    for row in rows:
        heads = [
            next((head for (x0, x1), head in columns if x0 < right and left < x1), None)
            for left, right in (_extent(row, cell) for cell in row.cells)
        ]
        if None in heads:
            return list(rows)
        cells = (replace(c, head=h or "") for c, h in zip(row.cells, heads, strict=True))
        continued.append(replace(row, cells=tuple(cells)) if len(heads) > 1 else row)
    return continued


def _extent(row: Block, cell: Cell) -> _Column:
    boxes = [s.box for s in row.spans if cell.start <= s.start and s.end <= cell.end]
    return min(box.x0 for box in boxes), max(box.x1 for box in boxes)
