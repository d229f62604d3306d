import numpy as np

from rag.embedded import Embedded


def made(*sizes):
    """Texts of so many words, each word's first number telling which text it belongs to."""
    words = np.repeat(np.arange(len(sizes), dtype=np.int8), sizes)[:, np.newaxis]
    return Embedded(np.eye(len(sizes), dtype=np.float32), words, np.cumsum(sizes))


def test_a_part_holds_its_texts_and_their_words():
    part = made(2, 0, 3, 1).part(1, 3)
    assert len(part) == 2
    assert part.words[:, 0].tolist() == [2, 2, 2]
    assert part.ends.tolist() == [0, 3]


def test_parts_joined_are_the_whole_again():
    whole = made(2, 0, 3, 1)
    again = Embedded.joined([whole.part(0, 1), whole.part(1, 1), whole.part(1, 4)])
    assert np.array_equal(again.vectors, whole.vectors)
    assert np.array_equal(again.words, whole.words)
    assert np.array_equal(again.ends, whole.ends)


def test_an_embedder_without_words_gives_none():
    vectors = np.eye(3, dtype=np.float32)
    alone = Embedded.joined([Embedded.without_words(vectors), Embedded.without_words(vectors)])
    assert (len(alone), alone.words.size, alone.ends.tolist()) == (6, 0, [0] * 6)
