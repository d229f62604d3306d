"""How many cells of tables that people read by eye a reader of PDFs finds in their place."""

import json
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests import pdfs

QUESTIONS = Path(__file__).parent / "questions"
_HYPHENS = re.compile(r"[-\u00ad\u2010-\u2015\u2212]")


@dataclass(frozen=True)
class Found:
    """A cell as a reader of PDFs gives it: its text, and what it says stands above."""

    text: str
    head: str


Row = list[Found]
Table = list[Row]


def true_tables(name: str) -> list[dict]:
    """The tables of one file of true cells: reading, page, label, columns, rows."""
    return json.loads((QUESTIONS / name).read_text("utf-8"))


def path_of(reading: str) -> Path:
    """The PDF of a reading or of one of the other papers."""
    folders = (pdfs.SHARED / "readings", pdfs.SHARED / "papers")
    return next(
        (f / f"{reading}.pdf" for f in folders if (f / f"{reading}.pdf").is_file()), folders[0]
    )


def cells_of(true: dict) -> int:
    return sum(len(row["cells"]) for row in true["rows"])


def cells_found(true: dict, tables: list[Table], exact: bool = False) -> int:
    """How many true cells of one table stand in the right row and under the right head.

    All texts are compared after NFKC, in lower case, without white space and hyphens (what is
    nothing but hyphens counts as one).

    - The row: one whose first or second cell is the label of the true row, and that has another
      cell with text in it. Where several true rows have the same label, the first of them is the
      first row found with it, and so on.
    - The cell: one of that row whose text is the true value, and that no other true cell took.
    - The head: the cell's head is the true head or ends with it, word by word, or holds all of
      its words; with ``exact`` it must be the true head.

    ``tables`` are those of the page from top to bottom. A page may hold several true tables with
    the same labels, and one true table may be found in pieces: the best count of any run of
    successive tables is taken.
    """
    runs = (tables[i:j] for i in range(len(tables)) for j in range(i + 1, len(tables) + 1))
    return max((_found_in([row for t in run for row in t], true, exact) for run in runs), default=0)


def _found_in(rows: Table, true: dict, exact: bool) -> int:
    rows = [row for row in rows if sum(bool(cell.text.strip()) for cell in row) > 1]
    turns: dict[str, int] = defaultdict(int)
    found = 0
    for wanted in true["rows"]:
        label = squashed(wanted["label"])
        same = [row for row in rows if label in {squashed(cell.text) for cell in row[:2]}]
        turn, turns[label] = turns[label], turns[label] + 1
        left = list(same[turn]) if turn < len(same) else []
        for cell in wanted["cells"]:
            hit = next((f for f in left if _is_cell(f, cell, exact)), None)
            if hit is not None:
                left.remove(hit)
                found += 1
    return found


def _is_cell(found: Found, true: dict, exact: bool) -> bool:
    if squashed(found.text) != squashed(true["value"]):
        return False
    if squashed(found.head) == squashed(true["head"]):
        return True
    return not exact and _holds(words(found.head), words(true["head"]))


def _holds(head: list[str], true: list[str]) -> bool:
    ends = any("".join(head[at:]) == "".join(true) for at in range(len(head)))
    return ends or (bool(true) and set(true) <= set(head))


def squashed(text: str) -> str:
    return "".join(words(text)) or ("-" if text.strip() else "")


def words(text: str) -> list[str]:
    text = _HYPHENS.sub("", unicodedata.normalize("NFKC", text).lower())
    return text.split()


def our_tables(page) -> list[Table]:
    """The tables of a page of blocks, in reading order."""
    groups: dict[int, Table] = defaultdict(list)
    for block in page.blocks:
        if block.kind == "table" and block.level == 0:
            row = [Found(block.text[cell.start : cell.end], cell.head) for cell in block.cells]
            groups[block.group].append(row)
    return list(groups.values())
