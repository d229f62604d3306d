"""The readings that the folders hold."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import ReadingError
from rag.reading_list import ReadingList, load_list
from rag.readings import discover
from tests.course import DEEP, IDS, MATH, REPOSITORY, ids_in, pdf, put


def test_a_listed_reading_takes_what_the_list_says(corpus: Path) -> None:
    path = put(corpus / "x.pdf", pdf(f"{DEEP}\nSomeone", metadata_title="Untitled-1"))
    (reading,) = discover([corpus], load_list([corpus])).readings
    assert reading.title == DEEP
    assert reading.authors[0] == "Pan Lu"
    assert reading.year == 2022
    assert reading.url == "https://arxiv.org/abs/2212.10535"
    assert reading.kind == "paper"
    assert reading.path == path
    assert reading.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_readings_stand_in_the_order_of_the_list_then_of_file_names(
    corpus: Path, tmp_path: Path
) -> None:
    put(corpus / "a.pdf", pdf(DEEP))
    put(corpus / "b.pdf", pdf("On Tea"))
    put(corpus / "c.pdf", pdf(MATH))
    put(tmp_path / "more" / "aa.pdf", pdf("On Coffee"))
    assert ids_in(corpus, tmp_path / "more") == ["2402.00157", "2212.10535", "b", "aa"]


def test_hidden_files_other_files_and_deeper_folders_are_not_looked_at(corpus: Path) -> None:
    for name in ("._x.pdf", "x.pdf.part", "notes.txt", "old/x.pdf"):
        put(corpus / name, pdf(DEEP))
    found = discover([corpus], load_list([corpus]))
    assert (found.readings, found.left_out) == ((), ())
    assert [entry.reading_id for entry in found.missing] == IDS


def test_a_link_is_followed_and_one_that_leads_nowhere_is_named(
    corpus: Path, tmp_path: Path
) -> None:
    (corpus / "link.pdf").symlink_to(put(tmp_path / "elsewhere.pdf", pdf(DEEP)))
    (corpus / "lost.pdf").symlink_to(tmp_path / "nowhere.pdf")
    found = discover([corpus], load_list([corpus]))
    assert [reading.reading_id for reading in found.readings] == ["2212.10535"]
    assert [left.name for left in found.left_out] == ["lost.pdf"]


def test_the_same_content_twice_is_one_reading(corpus: Path) -> None:
    shutil.copy(put(corpus / "a.pdf", pdf("On Tea")), corpus / "b.pdf")
    found = discover([corpus], load_list([corpus]))
    assert [reading.reading_id for reading in found.readings] == ["a"]
    assert found.left_out == ()


def test_of_two_files_for_one_reading_the_second_is_left_out(corpus: Path, tmp_path: Path) -> None:
    put(corpus / "a.pdf", pdf(f"{DEEP}\nfirst"))
    put(corpus / "b.pdf", pdf(f"{DEEP}\nsecond"))
    put(corpus / "tea.pdf", pdf("On Tea"))
    put(tmp_path / "more" / "tea.pdf", pdf("On Other Tea"))
    found = discover([corpus, tmp_path / "more"], load_list([corpus]))
    assert [reading.path.name for reading in found.readings] == ["a.pdf", "tea.pdf"]
    assert [left.name for left in found.left_out] == ["b.pdf", "tea.pdf"]
    assert "a.pdf is already taken for 2212.10535" in found.left_out[0].reason


@pytest.mark.parametrize("content", [b"damaged", pdf("On Tea\nAda Author")])
def test_a_listed_id_as_file_name_is_not_enough(corpus: Path, content: bytes) -> None:
    put(corpus / "2402.00157.pdf", content)
    guide = put(corpus / "guides" / "2402.00157.pdf", b"a guide")
    found = discover([corpus], load_list([corpus]))
    assert [reading.path for reading in found.readings] == [guide]
    assert [left.name for left in found.left_out] == ["2402.00157.pdf"]
    assert found.missing[0].reading_id == "2402.00157"


def test_a_file_that_is_too_large_is_left_out_unread(corpus: Path) -> None:
    with put(corpus / "large.pdf", b"%PDF-").open("r+b") as file:
        file.truncate(200_000_001)
    found = discover([corpus], load_list([corpus]))
    assert found.readings == ()
    assert found.left_out[0].name == "large.pdf"
    assert "200 MB" in found.left_out[0].reason


def test_a_folder_that_does_not_exist_is_named_with_what_to_do(corpus: Path) -> None:
    with pytest.raises(ReadingError, match=r"nowhere.*RAG_CORPUS"):
        discover([corpus, corpus / "nowhere"], load_list([corpus]))


def test_a_guide_stands_in_only_for_a_paper_that_is_not_here(corpus: Path) -> None:
    put(corpus / "guides" / "2402.00157.pdf", b"guide one")
    put(corpus / "guides" / "2212.10535.pdf", b"guide two")
    put(corpus / "guides" / "tea.pdf", b"guide to nothing")
    put(corpus / "x.pdf", pdf(DEEP))
    found = discover([corpus], load_list([corpus]))
    guide, paper = found.readings
    assert (guide.kind, guide.reading_id) == ("guide", "2402.00157")
    assert guide.title == f"Reading guide to “{MATH}”"
    assert guide.authors == ("Reading Room",)
    assert guide.licence == "Apache-2.0"
    assert guide.year is None
    assert (paper.kind, paper.reading_id) == ("paper", "2212.10535")
    assert [entry.reading_id for entry in found.missing] == [IDS[0], IDS[1], IDS[3]]
    assert [left.name for left in found.left_out] == ["guides/tea.pdf"]


def test_a_known_file_is_not_opened_again(corpus: Path, tmp_path: Path) -> None:
    # No PDF at all: whoever opened these would find neither title.
    listed = put(tmp_path / "a" / "x.pdf", b"the survey")
    tea = put(tmp_path / "a" / "tea.pdf", b"about tea")
    reading_list = load_list([corpus])
    first = {r.reading_id: r for r in discover([listed.parent], reading_list).readings}
    entry = reading_list.entries[2]
    earlier = [
        replace(first["x"], reading_id=entry.reading_id, title=entry.title, authors=("Old",)),
        replace(first["tea"], title="On Tea"),
    ]
    moved = (tmp_path / "a").rename(tmp_path / "b")
    known = {reading.sha256: reading for reading in earlier}
    survey, other = discover([moved], reading_list, known).readings
    assert (survey.reading_id, survey.title, survey.path) == ("2212.10535", DEEP, moved / "x.pdf")
    assert survey.authors == entry.authors
    assert other == replace(earlier[1], path=moved / tea.name)


def test_a_known_file_that_was_renamed_changed_or_entered_in_the_list_is_looked_at(
    corpus: Path,
) -> None:
    path = put(corpus / "tea.pdf", pdf("On Tea\nAda Author"))
    known = {r.sha256: r for r in discover([corpus], load_list([corpus])).readings}
    path = path.rename(corpus / "leaves.pdf")
    found = discover([corpus], load_list([corpus]), known).readings
    assert [reading.reading_id for reading in found] == ["leaves"]
    known = {reading.sha256: reading for reading in found}
    with (corpus / "readings.toml").open("a") as file:
        file.write('\n[[reading]]\nid = "ada"\ntitle = "On Tea"\n')
    found = discover([corpus], load_list([corpus]), known).readings
    assert [reading.reading_id for reading in found] == ["ada"]
    put(path, pdf("On Coffee"))
    found = discover([corpus], load_list([corpus]), known).readings
    assert [reading.title for reading in found] == ["On Coffee"]


def test_nothing_is_known_that_the_list_no_longer_names(corpus: Path) -> None:
    put(corpus / "x.pdf", pdf(f"{DEEP}\nPan Lu"))
    known = {r.sha256: r for r in discover([corpus], load_list([corpus])).readings}
    (found,) = discover([corpus], ReadingList(corpus, ()), known).readings
    assert (found.reading_id, found.authors) == ("x", ())


def test_importing_the_module_loads_neither_pypdf_nor_httpx() -> None:
    code = "import sys, rag.readings; sys.exit(bool({'pypdf', 'httpx'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
