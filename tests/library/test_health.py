"""How well a reading could be read."""

from dataclasses import replace
from pathlib import Path

from rag.library.builds import build
from rag.library.index import Index
from tests.workshop import RECIPE, Workshop, chunk, with_spans, write_reading


def test_health_says_what_was_read(built: Path) -> None:
    attention, code = Index.open(built, RECIPE).health()
    assert (attention.reading_id, attention.title, attention.kind) == (
        "attention",
        "Attention",
        "paper",
    )
    assert (attention.pages, attention.empty_pages, attention.chunks) == (3, (3,), 3)
    assert attention.blocks == (("heading", 2), ("table", 3))
    assert attention.longest_chunk_tokens == 15
    assert attention.problems == ("No text on page 3.",)
    assert (code.kind, code.problems) == ("guide", ())


def test_health_names_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    reading = write_reading(tmp_path / "bare.txt", "no heading \ufffd\ufffd here")
    parts = replace(Workshop().parts(), chunk=lambda r, p: [with_spans(c, ()) for c in chunk(r, p)])
    build(folder, RECIPE, [reading], parts, Workshop().progress)
    assert Index.open(folder, RECIPE).health()[0].problems == (
        "No headings were found, so its passages name no section.",
        "1 of 1 passages cannot be marked on their page.",
        "2 characters could not be read.",
    )
