"""The reading list."""

from pathlib import Path

import pytest

from rag.errors import ReadingError
from rag.reading_list import Entry, load_list
from tests.course import IDS, REPOSITORY, put


def test_the_course_has_three_surveys_and_one_model_paper() -> None:
    entries = load_list([REPOSITORY / "corpus"]).entries
    assert [entry.reading_id for entry in entries] == IDS
    assert [entry.genre for entry in entries] == ["survey"] * 3 + ["model paper"]
    for entry in entries:
        assert entry.authors
        assert entry.nicknames
        assert entry.url == f"https://arxiv.org/abs/{entry.reading_id}"
        assert entry.pdf_url == f"https://arxiv.org/pdf/{entry.reading_id}{entry.version}"


def test_the_readme_of_the_corpus_says_which_document_is_which() -> None:
    rows = (REPOSITORY / "corpus" / "README.md").read_text("utf-8").splitlines()
    for entry in load_list([REPOSITORY / "corpus"]).entries:
        row = next(row for row in rows if row.startswith("|") and entry.reading_id in row)
        for fact in (entry.title, entry.genre, entry.url, entry.pdf_url, str(entry.year)):
            assert fact in row


def test_the_first_folder_with_a_list_wins(tmp_path: Path) -> None:
    empty, first, second = (tmp_path / name for name in ("empty", "first", "second"))
    for folder in (first, second):
        title = f'[[reading]]\nid = "x"\ntitle = "List of {folder.name}"\n'
        put(folder / "readings.toml", title.encode())
    found = load_list([empty, first, second])
    assert found.folder == first
    assert [entry.title for entry in found.entries] == ["List of first"]


def test_without_a_list_of_its_own_a_course_has_the_repositorys(tmp_path: Path) -> None:
    found = load_list([tmp_path])
    assert [entry.reading_id for entry in found.entries] == IDS
    assert not found.lives_in([tmp_path])
    assert found.lives_in([tmp_path, REPOSITORY / "tests" / ".." / "corpus"])


def test_an_entry_needs_only_id_and_title(tmp_path: Path) -> None:
    put(tmp_path / "readings.toml", '\ufeff[[reading]]\nid = "x"\ntitle = "Xénon"\n'.encode())
    entry = Entry("x", "Xénon", (), None, "", "", "", "", "paper", ())
    assert load_list([tmp_path]).entries == (entry,)


def broken_list(folder: Path, text: str) -> str:
    (folder / "readings.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReadingError) as caught:
        load_list([folder])
    assert str(folder / "readings.toml") in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[reading]]\nid = "x"\ntitle = ', "line 3"),
        ('[[reading]]\nid = "x"\ntitle = "\xe9"', "line 3"),
        ('# two\n\n[[reading]]\nid = "x"', "line 3: title"),
        ('[[reading]]\nid = "../x"\ntitle = "A"', "line 1: id"),
        (
            '[[reading]]\nid = "x"\ntitle = "A"\n[[reading]]\nid = "x"\ntitle = "B"',
            "line 4: the id",
        ),
        ('[[reading]]\nid = "x"\ntitle = "A"\nyear = true', "year must be a whole number"),
        ('[[reading]]\nid = "x"\ntitle = "A"\nauthors = "Ada"', "authors must be a list"),
        ('[[reading]]\nid = "x"\ntitle = "A"\nauthor = "Ada"', "no field 'author'"),
        ('[[reading]]\nid = "x"\ntitle = "A"\npdf_url = "file:///x"', "file:///x"),
        ('title = "A"', "[[reading]] tables only"),
    ],
)
def test_a_broken_list_is_refused_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in broken_list(tmp_path, text)
