import numpy as np
import pytest

from rag.embedders.minilm import load
from rag.settings import Settings
from tests import pdfs

TEXTS = [
    "A pier.",
    pdfs.LEFT,
    "",
    pdfs.RIGHT + pdfs.LEFT,
    "港口\x00 �",
    "word " * 600,
    "8,792 problems",
]


@pytest.fixture(scope="module")
def minilm():
    return load(Settings())


def test_vectors_are_unit_rows_in_the_order_given(minilm):
    vectors = minilm.embed_documents(TEXTS).vectors
    assert vectors.shape == (len(TEXTS), minilm.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.stack([minilm.embed_query(text).vectors[0] for text in TEXTS])
    assert ((vectors @ alone.T).argmax(axis=1) == np.arange(len(TEXTS))).all()


def test_no_text_gives_no_row(minilm):
    assert minilm.embed_documents([]).vectors.shape == (0, 384)


def test_progress_counts_up_to_all(minilm):
    heard = []
    minilm.embed_documents(TEXTS, heard.append)
    assert heard[-1] == len(TEXTS)


def test_tokens_beyond_the_limit_are_counted_and_not_read(minilm):
    assert minilm.count_tokens(["word " * 600]) == [602]
    cut = (
        minilm.embed_query("word " * 600).vectors[0] @ minilm.embed_query("word " * 700).vectors[0]
    )
    assert cut > 0.99999
