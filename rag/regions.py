"""Where tables stand on a page: between drawn rules, or where lines fall apart into cells."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

from rag.sheets import CAPTION, Line, Region, Rule, Sheet, Word, caption_parts, lines_of


def ruled_regions(sheet: Sheet, words: Sequence[Word]) -> list[Region]:
    """Tables between horizontal rules of the same width."""
    families: dict[tuple[int, int], list[Rule]] = defaultdict(list)
    for rule in sheet.rules:
        if rule.x1 - rule.x0 > 0.15 * sheet.width:
            key = next(
                (k for k in families if abs(k[0] - rule.x0) < 4 and abs(k[1] - rule.x1) < 4),
                (round(rule.x0), round(rule.x1)),
            )
            families[key].append(rule)
    regions = []
    for (x0, x1), rules in families.items():
        heights = sorted({round(rule.y, 1) for rule in rules})
        for low, high in _runs_of_rules(heights, words, x0, x1):
            region = Region(x0 - 4, low - 1, x1 + 4, high + 1)
            drawn = sum(low <= height <= high for height in heights)
            # Few short rules belong to a figure: the frame of its legend, its axis.
            small = drawn < 3 or x1 - x0 < 0.2 * sheet.width
            if _is_tabular([w for w in words if region.holds(w)], 4 if small else 2):
                regions.append(region)
    return [r for r in regions if not any(_is_within(r, other) for other in regions)]


def _is_within(inner: Region, outer: Region) -> bool:
    """Whether a region is a part of another one: between rules under some columns of a table."""
    return (
        inner != outer
        and outer.x0 <= inner.x0 + 2
        and inner.x1 <= outer.x1 + 2
        and outer.y0 <= inner.y0 + 2
        and inner.y1 <= outer.y1 + 2
    )


def unruled_regions(lines: Sequence[Line], body: float) -> list[Region]:
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
        Region(
            min(li.x0 for li in run) - 1,
            run[0].y0 - 1,
            max(li.x1 for li in run) + 1,
            run[-1].y1 + 1,
        )
        for run in runs
        if len(run) >= 3 and _looks_like_table(run, lines)
    ]


def is_figure(region: Region, captions: Sequence[Line]) -> bool:
    """Whether the caption nearest to a region with rules says that it is a chart's grid."""
    near = [
        (max(line.y0 - region.y1, region.y0 - line.y1), line.text.lower())
        for line in captions
        if line.x0 < region.x1
        and line.x1 > region.x0
        # A figure's caption stands below it: one above is that of a figure further up.
        and not (line.text.lower().startswith("fig") and line.y1 < region.y0)
    ]
    near = [(gap, text) for gap, text in near if -10 < gap < 60]
    return bool(near) and min(near)[1].startswith("fig")


def captions_of(sheet: Sheet, words: Sequence[Word]) -> list[Line]:
    """The first lines of a page's captions, each within its column."""
    middle = sheet.width / 2
    sides = [
        words,
        [w for w in words if w.x1 < middle + 20],
        [w for w in words if w.x0 > middle - 20],
    ]
    return [
        part
        for side in sides
        for line in lines_of(side)
        if CAPTION.search(line.text)
        for part in caption_parts(line)
        if CAPTION.match(part.text)
    ]


def _runs_of_rules(
    heights: Sequence[float], words: Sequence[Word], x0: float, x1: float
) -> list[tuple[float, float]]:
    """(top, bottom) of successive rules, cut where a caption or prose stands in between."""
    runs: list[tuple[float, float]] = []
    for low, high in itertools.pairwise(heights):
        strip = Region(x0 - 4, low - 1, x1 + 4, high + 1)
        lines = lines_of([w for w in words if strip.holds(w)])
        if any(CAPTION.match(line.text) for line in lines) or high - low < 3:
            continue
        if not lines or _is_prose(lines, x0, x1 - x0):
            continue
        if runs and abs(runs[-1][1] - low) < 8:
            runs[-1] = (runs[-1][0], high)
        else:
            runs.append((low, high))
    return runs


def _is_prose(lines: Sequence[Line], x0: float, width: float) -> bool:
    """Whether lines between two rules are running text: most wide, in one piece, from the left."""
    if len(lines) < 3:
        return False
    wide = [
        li
        for li in lines
        if li.x0 < x0 + 0.15 * width
        and li.x1 - li.x0 > 0.6 * width
        and len(li.cells(0.6 * li.size)) < 2
    ]
    return len(wide) > 0.4 * len(lines)


def _is_tabular(words: Sequence[Word], least: int) -> bool:
    """Whether there are so many lines and most of them fall apart into cells."""
    lines = lines_of(words)
    cut = [len(line.cells(0.6 * line.size)) > 1 for line in lines]
    return len(lines) >= least and sum(cut) >= 0.4 * len(lines)


def _looks_like_table(run: Sequence[Line], lines: Sequence[Line]) -> bool:
    """Whether aligned lines are a table and not a figure's labels: what its caption says."""
    near = [
        (min(abs(line.y0 - run[-1].y1), abs(run[0].y0 - line.y1)), match.group(1).lower())
        for line in lines
        if (match := CAPTION.match(line.text))
    ]
    if near and min(near)[0] < 60:
        return min(near)[1].startswith("tab")
    starts = Counter(round(cell.x0 / 4) for line in run for cell in line.cells(1.1 * line.size))
    return sum(count >= len(run) - 1 for count in starts.values()) >= 2
