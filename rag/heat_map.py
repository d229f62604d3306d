"""Heat maps as SVG for a page: drawn by matplotlib, readable without colour, each cell a link."""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag import hypertext
from rag.plain import plain

Sign = Literal["●", "○", ""]

_CELL = 0.3  # inches, a cell's width and height
_LETTER = 0.065  # inches, the width of a letter in a label
_TURN = 40  # degrees by which the columns' labels are turned
_LABEL, _HEAD = 64, 26  # characters of a row's and of a column's label
_SIZE = 8  # points
_PALE, _DARK = (0.93, 0.94, 0.95), (0.04, 0.36, 0.54)


@dataclass(frozen=True, slots=True)
class Tile:
    """A cell of a heat map: ``strength`` 0 … 1 is its shade, ``sign`` stands in it.

    ``link`` is where a click leads, "" for nowhere.
    """

    strength: float
    sign: Sign = ""
    link: str = ""


def heat_map(
    title: str, rows: Sequence[str], columns: Sequence[str], tiles: Sequence[Sequence[Tile]]
) -> str:
    """The map as a figure of HTML; ``tiles`` are row by row, ``title`` is what is read aloud.

    Text stays text, in the page's own font; nothing in it is read as a formula.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    figure = _figure(rows, columns, tiles)
    drawn = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    # Names in the file come from the title: the same table gives the same page.
    style = matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": plain(title)})
    with style, warnings.catch_warnings():
        # Letters that matplotlib's font lacks are drawn by the reader's.
        warnings.filterwarnings("ignore", message="Glyph")
        FigureCanvasSVG(figure).print_svg(drawn, metadata=nothing)
    return _embedded(drawn.getvalue(), title)


def _figure(rows: Sequence[str], columns: Sequence[str], tiles: Sequence[Sequence[Tile]]) -> Any:  # noqa: ANN401 - matplotlib is loaded only by who draws
    from matplotlib.figure import Figure

    rows, columns = [_short(row, _LABEL) for row in rows], [_short(c, _HEAD) for c in columns]
    longest = _LETTER * max(map(len, columns), default=0)
    left = 0.2 + _LETTER * max(map(len, rows), default=0)
    top = 0.3 + longest * math.sin(math.radians(_TURN))
    right = 0.2 + longest * math.cos(math.radians(_TURN))
    size = (left + _CELL * len(columns) + right, top + _CELL * (len(rows) + 0.2))
    figure = Figure(figsize=size, facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-left / _CELL, len(columns) + right / _CELL)
    axes.set_ylim(len(rows) + 0.2, -top / _CELL)
    said: dict[str, Any] = {"fontsize": _SIZE, "parse_math": False, "gid": "label"}
    for at, column in enumerate(columns):
        axes.text(at + 0.4, -0.3, column, rotation=_TURN, ha="left", **said)
    for at, row in enumerate(rows):
        axes.text(-0.3, at + 0.5, row, ha="right", va="center", **said)
    placed = [(to, at, tile) for at, line in enumerate(tiles) for to, tile in enumerate(line)]
    _draw(axes, placed)
    return figure


def _draw(axes: Any, placed: Sequence[tuple[int, int, Tile]]) -> None:  # noqa: ANN401
    """The cells as one collection: thousands of single patches would take seconds."""
    from matplotlib.collections import PolyCollection

    corners = [
        [(to, at), (to + 0.94, at), (to + 0.94, at + 0.94), (to, at + 0.94)] for to, at, _ in placed
    ]
    cells = PolyCollection(corners, facecolors=[_shade(tile.strength) for *_, tile in placed])
    cells.set_urls([tile.link or None for *_, tile in placed])
    axes.add_collection(cells, autolim=False)
    for sign, inside in (("●", "white"), ("○", "none")):
        spots = [(to + 0.47, at + 0.47) for to, at, tile in placed if tile.sign == sign]
        if spots:
            x, y = zip(*spots, strict=True)
            axes.scatter(x, y, s=16, facecolors=inside, edgecolors="white", linewidths=1.2)


def _shade(strength: float) -> tuple[float, ...]:
    share = min(max(strength, 0.0), 1.0)
    return tuple(low + share * (high - low) for low, high in zip(_PALE, _DARK, strict=True))


def _short(text: str, most: int) -> str:
    return textwrap.shorten(plain(text), most, placeholder="…")


def _embedded(svg: str, title: str) -> str:
    """The drawing as part of a page: without its prologue, in the page's colours and font."""
    svg = svg[svg.index("<svg") :]
    # The table beside a map has the same links: the keyboard need not go through them twice.
    svg = svg.replace(' target="_blank"', ' tabindex="-1"')
    svg = re.sub(r"<style.*?</style>", "", svg, count=1, flags=re.S)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = svg.replace('<text style="', '<text fill="currentColor" style="')
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{hypertext.text(title)}" ', 1)
    label = hypertext.text(title)
    return f'<div class="wide heat" role="region" tabindex="0" aria-label="{label}">{svg}</div>'
