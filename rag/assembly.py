"""From settings to live objects. The only module that imports a plug-in, and by its name."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from rag import abbreviations, chunking, fetching, reading_list, readings
from rag.bearing import Checker
from rag.covering import Surveyor
from rag.engine import Engine, Writer
from rag.errors import IndexFailure, IndexMissing, PluginError, ReadingError
from rag.library import builds
from rag.library.index import Index
from rag.library.pointer import current
from rag.library.recipe import Parts, Recipe
from rag.log import NoLog
from rag.meaning import Meaning
from rag.mentions import Mentions
from rag.names import Called, Names
from rag.protocols import Embedder, Parser, Progress, Quoter, Retriever, Rows
from rag.settings import Settings, plugin_and_model
from rag.terms import TermWeight
from rag.types import Chunk, Page, Reading

if TYPE_CHECKING:
    from rag.logbook import Logbook


def plugin(kind: str, name: str) -> ModuleType:
    """The module of a plug-in: ``rag/<kind>/<name>.py``, or any module by a dotted name.

    A model that the setting names with it is for the plug-in to read. Raises PluginError for an
    unknown one, or one whose packages are not installed.
    """
    name, _ = plugin_and_model(name)
    module = name if "." in name else f"rag.{kind}.{name.replace('-', '_')}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(missing + "."):
            folder = Path(__file__).parent / kind
            known = sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__")
            raise PluginError(
                f"There is no {name!r} among {kind}; there are: {', '.join(known)}."
            ) from error
        raise PluginError(
            f"{name!r} needs the package {missing!r}: pip install {missing}"
        ) from error


def recipe(settings: Settings, embedder: Embedder, parser: Parser) -> Recipe:
    """What an index must have been made by to be of use with these settings."""
    return Recipe(
        parser=f"{parser.name}-{parser.version}",
        embedder=embedder.name,
        dim=embedder.dim,
        fingerprint=embedder.fingerprint,
        chunker=chunking.VERSION,
        store=settings.store,
        lexical=plugin("retrievers", "bm25").VERSION,
    )


def open_engine(settings: Settings) -> Engine:
    """An engine over the index that is there.

    Raises IndexMissing, IndexStale or IndexFailure where there is none to be used, and
    PluginError for a setting that names no plug-in.
    """
    return _open(settings)[0]


def open_checker(settings: Settings) -> tuple[Engine, Checker]:
    """An engine over the index that is there, and what checks sentences by its passages.

    Raises what ``open_engine`` raises.
    """
    engine, embedder, weight = _open(settings)
    return engine, Checker(embedder, weight)


def open_surveyor(settings: Settings) -> Surveyor:
    """What compares topics with the readings of the index that is there.

    Raises what ``open_engine`` raises.
    """
    index, embedder = _open_index(settings)
    lexical = plugin("retrievers", "bm25").Bm25.open(index.folder)
    chunks = index.embedded()
    return Surveyor(index, chunks, embedder, lexical, lexical.rows_with, index.left_out)


def open_log(settings: Settings) -> Logbook | NoLog:
    """Where questions are kept, or what keeps none. Raises LogFailure."""
    if not settings.log:
        return NoLog()
    from rag.logbook import Logbook

    return Logbook(settings.log, settings.log_days)


def _open(settings: Settings) -> tuple[Engine, Embedder, TermWeight]:
    """An engine, its embedder, and how rare a term is in its readings."""
    bm25 = plugin("retrievers", "bm25")
    retriever = plugin("retrievers", settings.retriever)
    if not hasattr(retriever, "load"):
        raise PluginError(
            f"{settings.retriever!r} is a part of other retrievers and none by itself: set "
            "RAG_RETRIEVER to hybrid, bm25 or dense."
        )
    llm = plugin("llms", settings.llm)
    reranker = plugin("rerankers", settings.reranker) if settings.reranker else None
    index, embedder = _open_index(settings)
    store = plugin("stores", settings.store).open_store(index.folder)
    lexical = bm25.Bm25.open(index.folder)
    rankers = (plugin("retrievers", "dense").Dense(store, embedder), lexical)
    late = plugin("retrievers", "late").Late(index, index.embedded(), embedder)
    meaning = meaning_of(index, lexical.rows_with, settings)
    found: Retriever = retriever.load(index, rankers, late, meaning)
    if reranker:
        found = plugin("retrievers", "reranked").Reranked(found, reranker.load(settings))
    quoter = llm.load(settings, lexical.weight, late)
    writer = None
    if not isinstance(quoter, Quoter):
        # Where the LLM fails there is always an answer in the readings' own words.
        writer = Writer(quoter, Checker(embedder, lexical.weight))
        quoter = plugin("llms", "extractive").load(settings, lexical.weight, late)
    engine = Engine(index, found, quoter, meaning, settings.passages, writer)
    return engine, embedder, lexical.weight


def _open_index(settings: Settings) -> tuple[Index, Embedder]:
    """The index that these settings can use, and its embedder."""
    if not (settings.index_folder / "current").exists():
        raise IndexMissing(
            f"There is no index in {settings.index_folder} yet. Run `python -m rag.index`."
        )
    embedder = plugin("embedders", settings.embedder).load(settings)
    parser = plugin("parsers", settings.parser).load(settings)
    return Index.open(settings.index_folder, recipe(settings, embedder, parser)), embedder


def build_name(settings: Settings) -> str:
    """Which build of the index is in use. Raises IndexMissing where there is none."""
    return current(settings.index_folder)


def store_kind(settings: Settings) -> str:
    """How the vectors of the index in use are searched, as "faiss, flat"."""
    with contextlib.closing(Index.open(settings.index_folder, None)) as index:
        name = index.recipe.store
        return f"{name}, {plugin('stores', name).open_store(index.folder).kind}"


def left_out(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The readings that the index in use lacks, as (reading id, why)."""
    with contextlib.closing(Index.open(settings.index_folder, None)) as index:
        return index.left_out


def build_index(
    settings: Settings, progress: Progress, say: Callable[[str], None]
) -> builds.BuildReport:
    """Fetch what the reading list lacks, then bring the index up to date.

    ``say`` is told, a line each, what could not be fetched or used. Raises RagError where no
    index can be made.
    """
    found = _find_readings(settings, say)
    return builds.build(settings.index_folder, *_making(settings, found), progress)


def build_beside(
    settings: Settings, folder: Path, others: Sequence[Reading], progress: Progress
) -> tuple[tuple[str, str], ...]:
    """Bring the index in another folder to the readings of the settings' index and ``others``.

    What the settings' index holds is taken from there, not made again. Returns the others that
    were left out, as (reading id, why). Raises RagError where no index can be made.
    """
    with contextlib.closing(Index.open(settings.index_folder, None)) as index:
        ours = index.readings
        if not (folder / "current").exists():
            # Linked where that can be done: a build is never changed once it is there.
            build = folder / "builds" / index.folder.name
            shutil.copytree(index.folder, build, copy_function=_linked, dirs_exist_ok=True)
            (folder / "current").write_text(f"{index.folder.name}\n", "ascii")
    report = builds.build(folder, *_making(settings, (*ours, *others)), progress)
    for build in (folder / "builds").iterdir():
        if build.name != current(folder):  # It may hold a reading that is to be gone.
            shutil.rmtree(build, ignore_errors=True)
    asked = {reading.reading_id for reading in others}
    return tuple((left, why) for left, why in report.left_out if left in asked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _making(
    settings: Settings, found: tuple[Reading, ...]
) -> tuple[Recipe, tuple[Reading, ...], Parts]:
    """How an index over readings is made."""
    embedder = plugin("embedders", settings.embedder).load(settings)
    parser = plugin("parsers", settings.parser).load(settings)

    def chunk(reading: Reading, pages: Sequence[Page]) -> list[Chunk]:
        return chunking.chunk_pages(reading, pages, embedder.count_tokens, embedder.max_tokens)

    parts = Parts(
        parse=lambda reading: parser.read(reading.path),
        chunk=chunk,
        search_text=chunking.search_text,
        embedder=lambda: embedder,
        new_store=lambda: plugin("stores", settings.store).new(embedder.dim),
        write_lexical=plugin("retrievers", "bm25").write,
        write_abbreviations=abbreviations.write,
    )
    return recipe(settings, embedder, parser), found, parts


def _find_readings(settings: Settings, say: Callable[[str], None]) -> tuple[Reading, ...]:
    """The readings on disk, after an attempt to fetch those that are missing."""
    folders = settings.corpus_folders
    course = reading_list.load_list(folders)
    known = _known(settings)
    found = readings.discover(folders, course, known)
    if found.missing and course.lives_in(folders):
        fetching.fetch_missing(course, found.missing, say)
        found = readings.discover(folders, course, known)
    for left in found.left_out:
        say(f"{left.name}: {left.reason}")
    return found.readings


def meaning_of(index: Index, rows_with: Callable[[str], Rows], settings: Settings) -> Meaning:
    """What is known of an index's readings and words; ``rows_with`` are the rows with a term."""
    rows = {r.reading_id: index.rows_of(frozenset({r.reading_id})) for r in index.readings}
    return Meaning(
        Mentions(rows, rows_with),
        abbreviations.Abbreviations.open(index.folder, rows_with),
        Names(_called(index.readings, settings)),
    )


def _called(found: Sequence[Reading], settings: Settings) -> list[Called]:
    """The readings with what the reading list says they are and are called."""
    try:
        entries = reading_list.load_list(settings.corpus_folders).entries
    except ReadingError:
        entries = ()  # `python -m rag.index` says what is wrong with the list.
    known = {entry.reading_id: entry for entry in entries}
    return [
        Called(reading, entry.genre, entry.nicknames)
        if (entry := known.get(reading.reading_id))
        else Called(reading)
        for reading in found
    ]


def _known(settings: Settings) -> dict[str, Reading]:
    """The readings of the index that is there, by their files' hashes."""
    try:
        index = Index.open(settings.index_folder, None)
    except IndexFailure:
        return {}
    known = {reading.sha256: reading for reading in index.readings}
    index.close()
    return known
