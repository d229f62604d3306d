"""An index is used only with the recipe it was made by."""

from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import IndexStale
from rag.library.builds import build
from rag.library.index import Index
from rag.types import Reading
from tests.workshop import RECIPE, Workshop, check_consistent, search_texts


@pytest.mark.parametrize(
    "change", [{"embedder": "bge"}, {"dim": 3}, {"chunker": "2"}, {"lexical": "x"}, {"parser": "p"}]
)
def test_another_recipe_is_stale_and_says_in_what(built: Path, change: dict[str, object]) -> None:
    recipe = replace(RECIPE, **change)  # type: ignore[arg-type]
    (name, value), (old,) = *change.items(), [getattr(RECIPE, name) for name in change]
    with pytest.raises(IndexStale, match=rf"{name} {old}, now {value}\).*python -m rag.index"):
        Index.open(built, recipe)
    assert Index.open(built, None).recipe == RECIPE


def test_another_recipe_is_built_from_scratch(built: Path, two: list[Reading]) -> None:
    recipe, workshop = replace(RECIPE, chunker="2"), Workshop()
    report = build(built, recipe, two, workshop.parts(), workshop.progress)
    assert report.rebuilt == ("attention", "code")
    assert workshop.embedded == search_texts(two)
    check_consistent(Index.open(built, recipe), two)
