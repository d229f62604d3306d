"""From the words and drawn rules of one table to rows of cells, each under its heads. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rag.sheets import Line, Rule, Word
from rag.types import Block, Box, Cell, Span


def table_blocks(
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
