"""A reading is known by its title page."""

import logging
import shutil
from pathlib import Path

import pytest

from rag.reading_list import load_list
from rag.readings import discover
from tests import pdfs
from tests.course import DEEP, MATH, ids_in, pdf, put

needs_papers = pytest.mark.skipif(
    not (pdfs.SHARED / "papers").is_dir(), reason="the sample papers are not on this machine"
)


@pytest.mark.parametrize(
    "text",
    [
        f"{DEEP}\nPan Lu\nAbstract\nMathematics.",
        "A Survey of Deep Learning for Mathe-\nmatical\nReasoning*1\nPan Lu",
        f"{DEEP.upper()}\nPan Lu",
        f"Published in the Proceedings of Something\n{DEEP}\nPan Lu",
        "Something else\narXiv:2212.10535v1  [cs.AI]  20 Dec 2022",
        "Something else\narXiv:2212.10535v2\nand more",
    ],
)
def test_a_reading_is_known_by_its_title_page(corpus: Path, text: str) -> None:
    put(corpus / "download (3).PDF", pdf(text))
    assert ids_in(corpus) == ["2212.10535"]


def test_a_reading_is_known_by_its_metadata(corpus: Path) -> None:
    put(corpus / "x.pdf", pdf("Cover letter", metadata_title=MATH))
    assert ids_in(corpus) == ["2402.00157"]


@pytest.mark.parametrize(
    "text",
    [
        f"Another Paper\nAda Author\nAs said in {DEEP}, reasoning is hard.",
        f"Another Paper\nAbstract\n{DEEP}\nis what we build on.",
        f"Another Paper\nAda Author\n{'Long introduction. ' * 40}\n{DEEP}\nis a survey.",
        f"{DEEP}: A Reply\nAda Author",
        f"{DEEP}\narXiv:2301.00001v1  [cs.AI]  1 Jan 2023",
        "Another Paper\nLu et al. 2022. A survey. arXiv:2212.10535v2, and others.",
        "Another Paper\narXiv:2301.00001v1  [cs.AI]  1 Jan 2023\narXiv:2212.10535v2",
    ],
)
def test_a_paper_that_cites_a_reading_is_not_taken_for_it(corpus: Path, text: str) -> None:
    put(corpus / "other.pdf", pdf(text))
    assert ids_in(corpus) == ["other"]


@pytest.mark.parametrize(
    ("text", "metadata", "title"),
    [
        ("On Tea\nAda Author", "", "On Tea"),
        ("12\nPublished as a conference paper\nOn Tea\nAda", "", "On Tea"),
        ("On Tea: A Long\nInquiry\nAda", "On Tea: A Long Inquiry", "On Tea: A Long Inquiry"),
        ("On Tea\nAda Author", "Microsoft Word - draft7.doc", "On Tea"),
        ("...", "", "tea"),
    ],
)
def test_an_unlisted_pdf_is_called_by_its_stem_and_what_page_one_says(
    corpus: Path, text: str, metadata: str, title: str
) -> None:
    put(corpus / "tea.pdf", pdf(text, metadata))
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert (reading.reading_id, reading.title) == ("tea", title)


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        ([(18, "On Tea and"), (18, "Other Leaves"), (18, "of the East"), (11, "Ada Author")],
         "On Tea and Other Leaves of the East"),
        ([(18, "On Tea"), (14, "Ada Author"), (11, "Tea is a leaf.")], "On Tea"),
        ([(18, "On Tea"), (7, "1"), (7, "Ada Author"), (11, "Tea is a leaf.")], "On Tea"),
        ([(11, "On Tea"), (11, "Ada Author"), (11, "Tea is a leaf.")], "On Tea"),
        ([(18, "On Tea"), *[(18, "and the long history of other leaves")] * 9, (11, "Ada")], "On Tea"),
    ],
)  # fmt: skip
def test_a_title_goes_on_as_far_as_its_letters_are_as_large(
    corpus: Path, lines: list[tuple[int, str]], title: str
) -> None:
    pdfs.lines(corpus / "tea.pdf", *lines)
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert reading.title == title


def test_an_id_from_a_file_name_is_safe_to_show(corpus: Path) -> None:
    put(corpus / "te\x1b[31ma\n\u202e  x.pdf", pdf("On Tea"))
    put(corpus / "\x07.pdf", pdf("On Coffee"))
    named, unnamed = sorted(ids_in(corpus), key=lambda reading_id: "te" not in reading_id)
    assert named == "te[31ma x"
    assert len(unnamed) == 12


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.7\n%%EOF", pdf(DEEP)[:300]])
def test_a_file_that_cannot_be_opened_keeps_its_stem(corpus: Path, content: bytes) -> None:
    put(corpus / "broken.pdf", content)
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert (reading.reading_id, reading.title) == ("broken", "broken")


@needs_papers
@pytest.mark.parametrize("reading_id", ["2212.10535", "2406.11931"])
def test_a_real_reading_is_known_under_any_name(corpus: Path, reading_id: str) -> None:
    shutil.copy(pdfs.SHARED / "readings" / f"{reading_id}.pdf", corpus / "reading for monday.pdf")
    assert ids_in(corpus) == [reading_id]


@needs_papers
def test_no_other_real_paper_is_taken_for_a_reading(corpus: Path) -> None:
    paths = sorted((pdfs.SHARED / "papers").rglob("*.pdf"))
    for path in paths:
        shutil.copy(path, corpus)
    assert ids_in(corpus) == sorted(path.stem for path in paths)


@needs_papers
def test_a_damaged_real_paper_makes_no_noise(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (damaged,) = (pdfs.SHARED / "papers" / "damaged").glob("*.pdf")
    shutil.copy(damaged, corpus)
    assert ids_in(corpus) == [damaged.stem]
    assert caplog.records == []
    assert logging.getLogger("pypdf").level == logging.NOTSET
