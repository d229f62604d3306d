"""Two readings, and an index of them."""

from pathlib import Path

import pytest

from rag.types import Reading
from tests.workshop import ATTENTION, CODE, Workshop, write_reading


@pytest.fixture
def two(tmp_path: Path) -> list[Reading]:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    return [
        write_reading(corpus / "attention.txt", ATTENTION),
        write_reading(corpus / "code.txt", CODE, kind="guide", year=None),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "an index?#%20"


@pytest.fixture
def built(folder: Path, two: list[Reading]) -> Path:
    Workshop().build(folder, two)
    return folder
