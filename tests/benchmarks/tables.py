"""Prints the share of true table cells that ours, liteparse's Markdown and pdfplumber find.

    python -m tests.benchmarks.tables

For ours and the others it counts alike (tests/true_tables.py). The others give grids without
saying how deep their heads are: one, two and three rows are tried, with the gaps in the upper ones
empty or filled from the left, and the best is counted, table by table; for pdfplumber the best of
its default and its text strategy, too. Needs `pip install -e .[bench]` and the PDFs.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from rag.parsers.liteparse import LiteparseParser
from tests.true_tables import Found, Table, cells_found, cells_of, our_tables, path_of, true_tables

Grid = list[list[str]]
Share = Callable[[dict, bool], int]
_FILES = ("tables.json", "tables_papers.json")
_TEXT = {"vertical_strategy": "text", "horizontal_strategy": "text"}


@cache
def _our_pages(reading: str) -> list:
    return LiteparseParser().read(path_of(reading))


def ours(true: dict, exact: bool) -> int:
    page = _our_pages(true["reading"])[true["page"] - 1]
    return cells_found(true, our_tables(page), exact)


def liteparse(true: dict, exact: bool) -> int:
    return _best(true, [_markdown_grids(true["reading"], true["page"])], exact)


def pdfplumber(true: dict, exact: bool) -> int:
    import pdfplumber

    with pdfplumber.open(path_of(true["reading"])) as document:
        page = document.pages[true["page"] - 1]
        found = [page.extract_tables(), page.extract_tables(_TEXT)]
    return _best(true, [[[[c or "" for c in row] for row in g] for g in f] for f in found], exact)


@cache
def _markdown(reading: str) -> dict[int, str]:
    from liteparse import LiteParse

    parser = LiteParse(ocr_enabled=False, output_format="markdown", image_mode="off", quiet=True)
    pages = parser.parse(str(path_of(reading))).pages
    return {page.page_num: page.markdown or "" for page in pages}


def _markdown_grids(reading: str, page: int) -> list[Grid]:
    grids: list[Grid] = [[]]
    for line in _markdown(reading)[page].split("\n"):
        if not line.startswith("|"):
            grids.append([])
        elif not re.fullmatch(r"[|\-: ]+", line) or "---" not in line:
            cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
            grids[-1].append([re.sub(r"\*\*|\\(?=\W)", "", cell).strip() for cell in cells])
    return [grid for grid in grids if grid]


def _best(true: dict, readings: list[list[Grid]], exact: bool) -> int:
    return max(
        cells_found(true, [_table(grid, heads, fill) for grid in grids], exact)
        for grids in readings
        for heads in (1, 2, 3)
        for fill in (False, True)
    )


def _table(grid: Grid, heads: int, fill: bool) -> Table:
    above = [_filled(row) if fill and n < heads - 1 else row for n, row in enumerate(grid[:heads])]
    names = [" ".join(part for part in column if part) for column in zip(*above, strict=False)]
    return [
        [Found(text, head) for text, head in zip(row, names, strict=False)] for row in grid[heads:]
    ]


def _filled(row: list[str]) -> list[str]:
    """The row with the last text before a gap repeated in it."""
    return [next((t for t in reversed(row[: at + 1]) if t), "") for at in range(len(row))]


def _rows(name: str, readers: list[Share]) -> Iterator[tuple[str, int, list[int]]]:
    for true in true_tables(name):
        label = f"{true['reading']} {true['label']}"
        yield label, cells_of(true), [read(true, ex) for read in readers for ex in (False, True)]


def main() -> None:
    readers: list[Share] = [ours, liteparse, pdfplumber]
    print("cells found, and those under exactly the true head")
    print(f"{'':28}{'cells':>6}" + "".join(f"{r.__name__:>14}" for r in readers))
    for name in _FILES:
        sums, total = [0] * 2 * len(readers), 0
        for label, cells, found in _rows(name, readers):
            sums, total = [a + b for a, b in zip(sums, found, strict=True)], total + cells
            _line(label, cells, [f"{n}" for n in found])
        _line(name, total, [f"{n / total:.3f}" for n in sums])


def _line(label: str, cells: int, numbers: list[str]) -> None:
    pairs = (f"{a} {b}" for a, b in zip(numbers[::2], numbers[1::2], strict=True))
    print(f"{label:28}{cells:6}" + "".join(f"{pair:>14}" for pair in pairs))


if __name__ == "__main__":
    main()
