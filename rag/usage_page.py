"""What the log tells, as HTML: a file that needs nothing else, of parts that the page shows too."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rag import hypertext
from rag.heat_map import Tile, heat_map
from rag.usage import Group, ReadingUse, Usage
from rag.usage_report import counted, in_week, others

STYLE = """
.heat svg { max-width: none; height: auto; } .heat use { pointer-events: none; }
tbody th { white-space: normal; min-width: 18rem; }
@media print { .heat svg { max-width: 100%; } }
"""


def as_page(usage: Usage, date: str) -> str:
    """The whole file."""
    said = hypertext.text(date)
    parts = [
        "<h1>Reading Room: what is asked</h1>",
        f'<p><time datetime="{said}">{said}</time></p>',
        *fragments(usage),
    ]
    return hypertext.document("Reading Room: what is asked", parts, STYLE)


def fragments(usage: Usage) -> Iterator[str]:
    """The parts of the view, each a piece of HTML: counts, pages, readings, questions, weeks."""
    yield f"<p><strong>{hypertext.text(counted(usage))}</strong></p>"
    yield hypertext.section("Pages", [_strips(usage)])
    yield hypertext.section("Questions", [_groups(usage)])
    for number, use in enumerate(usage.readings):
        yield hypertext.section(use.reading.title, [_sections(number, use)])
    yield hypertext.section("Weeks", [_weeks(usage)])


def _strips(usage: Usage) -> str:
    """Each reading's pages in a row, as dark as they are found, with a dot where they are cited."""
    most = max((found for use in usage.readings for found, _ in use.pages), default=0)
    tiles = [
        [
            Tile(_shade(found, most), "●" if cited else "", f"#reading-{number}")
            for found, cited in use.pages
        ]
        for number, use in enumerate(usage.readings)
    ]
    last = max((len(use.pages) for use in usage.readings), default=0)
    title = "The pages of each reading: the darker the oftener found, with a dot where cited"
    rows = [use.reading.title for use in usage.readings]
    return heat_map(title, rows, [str(page) for page in range(1, last + 1)], tiles)


def _shade(count: int, most: int) -> float:
    """0 for none, then by the logarithm: a page found once differs from one never found."""
    return (1.0 + math.log(count)) / (1.0 + math.log(most)) if count else 0.0


def _groups(usage: Usage) -> str:
    heads = ["question", "asked", "no answer", "not borne out", "thumbs down", "reasons"]
    rows = [_group(group, group.question) for group in usage.groups]
    rows.append(_group(usage.others, others(usage)))
    return hypertext.table("Asked by several, largest first", heads, rows)


def _group(group: Group, called: str) -> str:
    counts = (group.asked, group.refused, group.unsupported, group.down)
    return hypertext.row(called, [*map(str, counts), hypertext.text("; ".join(group.reasons))])


def _sections(number: int, use: ReadingUse) -> str:
    rows = [
        hypertext.row(
            section.section or "(title)",
            [", ".join(map(str, section.pages)), str(section.found), str(section.cited)],
            "" if section.found else "differs",
        )
        for section in use.sections
    ]
    caption = f"Searched {use.asked}, found {use.found}, cited {use.cited} times"
    table = hypertext.table(caption, ["section", "pages", "found", "cited"], rows)
    return f'<div id="reading-{number}">{table}</div>'


def _weeks(usage: Usage) -> str:
    rows = [
        hypertext.row(week.monday.isoformat(), [in_week(week, usage.smallest)])
        for week in usage.weeks
    ]
    most = max((week.asked or 0 for week in usage.weeks), default=0)
    tiles = [[Tile(_shade(week.asked or 0, most)) for week in usage.weeks]]
    line = heat_map(
        "Questions by week, the darker the more", ["questions"],
        [week.monday.isoformat() for week in usage.weeks], tiles,
    )  # fmt: skip
    table = hypertext.table("Questions by week", ["week from", "questions"], rows)
    return (line if usage.weeks else "") + table
