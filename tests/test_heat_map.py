import re

import pytest

from rag.heat_map import Tile, heat_map
from tests.test_evaluate import Page


def drawn(rows, columns, tiles, title="A map"):
    svg = heat_map(title, rows, columns, tiles)
    page = Page()
    page.feed(svg)
    assert page.open == []
    return svg, page


def test_labels_of_any_letters_stay_text_and_are_escaped():
    label = '中文 😀 \x00 \ud800 <b>$\\frac{"'
    svg, page = drawn([label], ["ψ & ω"], [[Tile(1, "●", "#a")]], title='"><script>')
    said = " ".join(page.said)
    assert '中文 😀 <b>$\\frac{"' in said
    assert "ψ & ω" in said
    assert not {"script", "b", "style", "metadata"} & {tag for tag, _ in page.tags}
    assert "\x00" not in svg


def test_each_linked_cell_is_a_link_and_no_stop_for_the_keyboard():
    _, page = drawn(["a", "b"], ["x"], [[Tile(1, "●", "#one")], [Tile(0.5, "○", "#two")]])
    links = [attrs for tag, attrs in page.tags if tag == "a"]
    assert [link["xlink:href"] for link in links] == ["#one", "#two"]
    assert all(link["tabindex"] == "-1" for link in links)


def test_a_stronger_cell_is_darker():
    svg, _ = drawn(["a"], ["x", "y", "z"], [[Tile(0), Tile(0.5), Tile(7)]])
    shades = [int(shade[:2], 16) for shade in re.findall(r'd="M[^>]*fill: #(\w{6})', svg)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 3


def test_the_same_map_is_the_same_file():
    maps = [heat_map("A map", ["a"], ["x"], [[Tile(1, "○", "#a")]]) for _ in range(2)]
    assert maps[0] == maps[1]


@pytest.mark.parametrize(("rows", "columns"), [([], []), (["a"], []), ([], ["x"])])
def test_a_map_without_cells_can_be_drawn(rows, columns):
    drawn(rows, columns, [[] for _ in rows])


def test_long_labels_are_cut():
    _, page = drawn(["word " * 100], ["x"], [[Tile(1)]])
    assert max(map(len, page.said)) < 100
