from pathlib import Path

import pytest

from rag.chunking import chunk_pages, search_text
from rag.parsers.liteparse import LiteparseParser
from rag.types import Block, Box, Page, Reading, Span
from tests import pdfs

READING = Reading("r1", "Harbours", ("A. Mason",), 2020, "", "", "paper", "0" * 64, Path("r1.pdf"))


def count(texts):
    return [2 + len(text.split()) for text in texts]


def block(kind, text, level=0, page=1):
    spans, at = [], 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        spans.append(Span(start, at, Box(page, start, 10, at, 20)))
    return Block(kind, text, tuple(spans), level)


def page(number, *blocks):
    return Page(number, str(number), 595, 842, blocks)


def chunks(*pages, limit=256):
    return chunk_pages(READING, pages, count, limit)


def test_chunks_stay_within_their_section_and_know_it():
    found = chunks(
        page(
            1,
            block("heading", "1 Ships", 1),
            block("paragraph", "Ships sail."),
            block("heading", "1.1 Masts", 2),
            block("paragraph", "Masts stand."),
            block("heading", "2 Piers", 1),
            block("paragraph", "Piers rest."),
        )
    )
    assert [(c.window.section, c.text) for c in found] == [
        (("1 Ships",), "Ships sail."),
        (("1 Ships", "1.1 Masts"), "Masts stand."),
        (("2 Piers",), "Piers rest."),
    ]
    assert search_text(found[1]) == "Harbours > 1 Ships > 1.1 Masts\nMasts stand."


def test_a_sentence_broken_by_a_page_is_whole_again():
    (chunk,) = chunks(
        page(1, block("paragraph", "The pier was long and", page=1)),
        page(2, block("paragraph", "made of stone.", page=2)),
    )
    assert chunk.text == "The pier was long and made of stone."
    assert chunk.window.pages == (1, 2)


def test_no_chunk_is_longer_than_the_embedder_reads():
    text = " ".join(f"Sentence number {n} says a little more about it." for n in range(60))
    endless = "word " * 400
    found = chunks(page(1, block("paragraph", text), block("paragraph", endless.strip())), limit=64)
    assert max(count([search_text(c) for c in found])) <= 64
    assert " ".join(c.text for c in found).split() == (text + " " + endless).split()


def test_every_span_holds_its_word():
    pages = [page(n, block("paragraph", pdfs.LEFT, page=n)) for n in (1, 2, 3)]
    for chunk in chunks(*pages, limit=40):
        words = [chunk.window.text[s.start : s.end] for s in chunk.window.spans]
        assert words == chunk.window.text.split()


def test_a_window_is_what_one_reads_at_a_glance_on_two_pages():
    pages = [page(n, block("paragraph", " ".join([pdfs.LEFT] * 5), page=n)) for n in range(1, 5)]
    found = chunks(*pages)
    assert all(len(c.window.text.split()) <= 280 for c in found)
    assert all(len(c.window.pages) <= 2 for c in found)
    assert len({c.window.window_id for c in found}) < len(found)


def test_the_windows_of_a_section_hold_it_whole_and_once():
    pages = [page(n, block("paragraph", pdfs.LEFT, page=n)) for n in range(1, 9)]
    windows = {c.window.window_id: c.window for c in chunks(*pages)}.values()
    assert " ".join(w.text for w in windows).split() == " ".join([pdfs.LEFT] * 8).split()


def test_ids_outlive_a_rebuild_and_tell_equal_texts_apart():
    pages = [page(1, block("paragraph", "Same."), block("footnote", "Same."))]
    first, again = chunks(*pages), chunks(*pages)
    assert [c.chunk_id for c in first] == [c.chunk_id for c in again]
    assert len({c.chunk_id for c in first}) == 2


def test_a_table_keeps_its_caption_heads_and_cells(tmp_path):
    pages = LiteparseParser().read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    tables = {c.window.window_id: c.window for c in chunks(*pages) if c.window.kind == "table"}
    assert len(tables) == 2
    for window in tables.values():
        assert window.text.startswith("Table 1")
        assert "Ship Built Loss" in window.text
    cells = {(c.head, t.text[c.start : c.end]) for t in tables.values() for c in t.cells}
    assert {("Loss", "49.7%"), ("Built", "1312"), ("Ship", "Ship01")} <= cells


def test_a_long_table_says_its_caption_and_heads_in_every_chunk(tmp_path):
    pages = LiteparseParser().read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    tables = [c for c in chunks(*pages, limit=44) if c.window.kind == "table" and "\n" in c.text]
    assert len(tables) > 2
    assert all("Ship Built Loss" in search_text(c) for c in tables)


def test_each_row_is_found_by_its_heads_and_caption(tmp_path):
    pages = LiteparseParser().read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    rows = [c for c in chunks(*pages) if c.text == "Ship09 1309 63.9%"]
    assert len(rows) == 1
    assert "Ship: Ship09 | Built: 1309 | Loss: 63.9%" in search_text(rows[0])
    assert "Table 1" in search_text(rows[0])
    assert "Ship Built Loss" in rows[0].window.text


@pytest.mark.skipif(not (pdfs.SHARED / "readings").is_dir(), reason="the readings are not here")
def test_the_readings_sentences_survive_columns_and_pages():
    pages = LiteparseParser().read(pdfs.SHARED / "readings" / "2212.10535.pdf")
    text = " ".join(" ".join(c.text.split()) for c in chunks(*pages))
    assert "reducing a complex problem into a list of sub-problems" in text
    assert "Causal Language Modeling (CLM)" in text


def test_a_table_is_found_by_the_sentence_that_refers_to_it(tmp_path):
    told = block("paragraph", "Storms took most ships. What was lost is in Table 1, ship by ship.")
    pages = LiteparseParser().read(pdfs.table_over_a_page_break(tmp_path / "a.pdf"))
    whole = next(c for c in chunks(page(9, told), *pages) if c.text.startswith("Table 1"))
    assert "What was lost is in Table 1, ship by ship." in search_text(whole)
    assert "What was lost" not in whole.window.text
