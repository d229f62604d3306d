"""What a build says it was made from, and what it is made of."""

import json
import shutil
from pathlib import Path

import pytest

from rag.errors import IndexFailure, IndexStale
from rag.library.index import Index
from rag.library.manifest import SCHEMA
from rag.types import Reading
from tests.workshop import RECIPE, Workshop, check_consistent

FILES = ("manifest.json", "chunks.sqlite", "vectors.npy", "vectors.faiss", "lexical/lines.json")


def test_another_schema_is_stale_and_is_built_anew(built: Path, two: list[Reading]) -> None:
    (manifest,) = built.glob("builds/*/manifest.json")
    manifest.write_text(json.dumps({"schema": SCHEMA + 1, "whatever": []}))
    with pytest.raises(
        IndexStale, match=rf"another version.*layout {SCHEMA + 1}.*python -m rag.index"
    ):
        Index.open(built, None)
    assert Workshop().build(built, two).rebuilt == ("attention", "code")
    check_consistent(Index.open(built, RECIPE), two)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "null",
        f'{{"schema": {SCHEMA}}}',
        f'{{"schema": {SCHEMA}, "recipe": 3}}',
        "\x00",
        "{",
    ],
)
def test_a_garbled_manifest_is_damage(built: Path, text: str) -> None:
    (manifest,) = built.glob("builds/*/manifest.json")
    manifest.write_text(text)
    with pytest.raises(IndexFailure, match=r"manifest.json cannot be read.*python -m rag.index"):
        Index.open(built, RECIPE)


def test_a_manifest_of_another_build_is_damage(built: Path, two: list[Reading]) -> None:
    (first,) = built.glob("builds/*/manifest.json")
    Workshop().build(built, two[:1])
    (second,) = (p for p in built.glob("builds/*/manifest.json") if p != first)
    shutil.copy(first, second)
    with pytest.raises(IndexFailure, match="belongs to another build"):
        Index.open(built, RECIPE)


def test_the_same_content_has_the_same_name(tmp_path: Path, two: list[Reading]) -> None:
    for name in ("a", "b"):
        Workshop().build(tmp_path / name, two)
    a, b = ((tmp_path / name / "current").read_text() for name in ("a", "b"))
    assert a == b
    Workshop().build(tmp_path / "b", two[:1])
    assert (tmp_path / "b" / "current").read_text() != a


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer"])
def test_damage_is_seen_and_mended(built: Path, two: list[Reading], name: str, damage: str) -> None:
    (path,) = built.glob(f"builds/*/{name}")
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        damaged = {"empty": b"", "cut": whole[: len(whole) // 2], "longer": whole + b"junk"}
        path.write_bytes(damaged[damage])
    with pytest.raises(IndexFailure, match=r"is damaged .*python -m rag.index") as caught:
        Index.open(built, RECIPE)
    assert str(built) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Workshop().build(built, two).unchanged
    check_consistent(Index.open(built, RECIPE), two)


def test_bytes_that_changed_in_place_are_found_by_the_next_build(
    built: Path, two: list[Reading]
) -> None:
    (path,) = built.glob("builds/*/vectors.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x40
    path.write_bytes(content)
    assert Workshop().build(built, two).rebuilt == ("attention", "code")
    check_consistent(Index.open(built, RECIPE), two)
