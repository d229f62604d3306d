"""The embedder that runs any model of sentence-transformers, over models built here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.assembly import build_index, open_engine
from rag.embedders.sentence_transformers import SentenceTransformer, load
from rag.errors import IndexStale, PluginError, SettingsError
from rag.library.index import Index
from rag.settings import Settings
from tests import pdfs, tiny_models
from tests.conftest import ROOT

TEXT = "Herring is salted on the pier."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.embedder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def tiny(folder: Path) -> SentenceTransformer:
    return load(Settings(embedder=f"sentence-transformers:{folder}"))


def with_prompts(folder: Path, copy: Path, **prompts: str) -> Path:
    """A copy of the model's folder with other prompts."""
    shutil.copytree(folder, copy)
    config = copy / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"prompts": prompts}))
    return copy


def test_a_question_stands_behind_the_models_own_query_prompt(tiny):
    prompted = tiny.embed_documents([tiny_models.QUERY_PROMPT + TEXT]).vectors[0]
    assert tiny.embed_query(TEXT).vectors[0] @ prompted > 0.9999
    assert tiny.embed_query(TEXT).vectors[0] @ tiny.embed_documents([TEXT]).vectors[0] < 0.999


@pytest.mark.parametrize("called", ["document", "passage", "corpus"])
def test_a_text_stands_behind_the_models_document_prompt_and_it_is_counted(
    tiny, folder, tmp_path, called
):
    prompted = SentenceTransformer(
        str(with_prompts(folder, tmp_path / "m", **{called: "passage : "}))
    )
    plain = tiny.embed_documents(["passage : " + TEXT]).vectors[0]
    assert prompted.embed_documents([TEXT]).vectors[0] @ plain > 0.9999
    assert prompted.count_tokens([TEXT])[0] == tiny.count_tokens([TEXT])[0] + 2
    assert prompted.embed_query(TEXT).vectors[0] @ tiny.embed_documents([TEXT]).vectors[0] > 0.9999


def test_its_limit_and_width_are_the_models(tiny):
    assert (tiny.max_tokens, tiny.dim) == (tiny_models.MAX_TOKENS, 32)


def test_a_model_without_a_limit_is_refused(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    for name, unlimited in (
        ("sentence_bert_config.json", {"max_seq_length": 10**30}),
        ("tokenizer_config.json", {"model_max_length": 10**30}),
    ):
        config = copy / name
        config.write_text(json.dumps(json.loads(config.read_text()) | unlimited))
    with pytest.raises(PluginError, match="how many tokens"):
        SentenceTransformer(str(copy))


def test_its_name_says_nothing_about_where_the_folder_lies(tiny, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert tiny.name == SentenceTransformer(".").name == folder.name


def test_the_fingerprint_is_that_of_the_weights_wherever_they_lie(tiny, folder, tmp_path):
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    (moved / "README.md").write_text("A model.")
    assert SentenceTransformer(str(moved)).fingerprint == tiny.fingerprint


def test_other_weights_or_another_document_prompt_have_another_fingerprint(tiny, folder, tmp_path):
    weights = SentenceTransformer(str(tiny_models.embedder(tmp_path, seed=4)))
    prompt = SentenceTransformer(str(with_prompts(folder, tmp_path / "m", passage="passage : ")))
    assert len({tiny.fingerprint, weights.fingerprint, prompt.fingerprint}) == 3


def test_weights_in_memory_are_hashed_where_their_files_are_not_found(tiny, folder, monkeypatch):
    monkeypatch.setattr("rag.embedders.sentence_transformers._folder", lambda model: None)
    fingerprints = [SentenceTransformer(str(folder)).fingerprint for _ in range(2)]
    assert len(set(fingerprints)) == 1
    assert fingerprints[0] != tiny.fingerprint


COPY_OF_THE_HUB = """
from rag.embedders.sentence_transformers import SentenceTransformer
tiny = SentenceTransformer("nobody/tiny")
print(tiny.name, tiny.fingerprint, tiny.max_tokens)
"""


def test_the_hubs_copy_on_this_machine_serves_without_a_network(tiny, folder, tmp_path):
    copy = tmp_path / "hub" / "models--nobody--tiny"
    shutil.copytree(folder, copy / "snapshots" / ("0" * 40))
    (copy / "refs").mkdir()
    (copy / "refs" / "main").write_text("0" * 40)
    done = subprocess.run(
        [sys.executable, "-c", COPY_OF_THE_HUB],
        cwd=ROOT,
        env=os.environ | {"HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["nobody/tiny", tiny.fingerprint, str(tiny_models.MAX_TOKENS)]


def test_without_the_package_it_is_said_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(PluginError, match="pip install sentence-transformers"):
        SentenceTransformer(str(folder))


def test_without_a_model_the_setting_is_refused_with_an_example():
    with pytest.raises(SettingsError, match="RAG_EMBEDDER=sentence-transformers:"):
        load(Settings(embedder="sentence-transformers"))


@pytest.mark.parametrize("model", ["nobody/has-this", "./nowhere", "/no/such/folder", "has this?"])
def test_a_model_that_is_not_to_be_had_is_one_sentence_that_says_what_to_do(model):
    with pytest.raises(PluginError) as caught:
        load(Settings(embedder=f"sentence-transformers:{model}"))
    said = str(caught.value)
    assert model in said
    assert "name a folder that holds it" in said
    assert "\n" not in said
    assert said.count(". ") <= 1


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(PluginError, match=f"folder {tmp_path} holds no model"):
        load(Settings(embedder=f"sentence-transformers:{tmp_path}"))


def test_cut_weights_are_refused(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "m"))
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(PluginError, match="holds no model that can be used"):
        SentenceTransformer(str(copy))


@pytest.fixture(scope="module")
def settings(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An index that the tiny model made of a small PDF."""
    room = tmp_path_factory.mktemp("room")
    (room / "corpus").mkdir()
    pdfs.two_columns(room / "corpus" / "harbour.pdf")
    made = Settings(
        corpus=str(room / "corpus"),
        index=str(room / "index"),
        embedder=f"sentence-transformers:{folder}",
    )
    report = build_index(made, lambda *_: None, lambda _: None)
    assert report.chunks > 1
    return made


def test_an_index_made_with_it_is_searched_and_answers(settings):
    answer = list(open_engine(settings).ask("Who built the harbour?"))[-1]
    assert "masons from Genoa" in answer.text
    assert any(dict(passage.votes)["dense"] > 0 for passage in answer.passages)


def test_no_chunk_is_longer_than_the_model_reads(settings):
    index = Index.open(settings.index_folder, None)
    assert max(health.longest_chunk_tokens for health in index.health()) <= tiny_models.MAX_TOKENS
    assert index.rows_of(frozenset({"harbour"})).size > 1


def test_the_index_of_another_embedder_is_refused(settings):
    with pytest.raises(IndexStale, match="embedder"):
        open_engine(Settings(corpus=settings.corpus, index=settings.index))


def test_vectors_equal_those_of_the_library(tiny, folder):
    from sentence_transformers import SentenceTransformer as Library

    theirs = Library(str(folder), device="cpu")
    texts = [*pdfs.LEFT.split(". "), "", pdfs.RIGHT * 9]
    documents = theirs.encode_document(texts, normalize_embeddings=True)
    questions = theirs.encode_query(texts, normalize_embeddings=True)
    np.testing.assert_allclose(tiny.embed_documents(texts).vectors, documents, atol=1e-5)
    np.testing.assert_allclose(
        np.stack([tiny.embed_query(text).vectors[0] for text in texts]), questions, atol=1e-5
    )
