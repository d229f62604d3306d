import numpy as np

from rag.embedded import Embedded, Matches


def made(*sizes):
    """Texts of so many words, each word's first number telling which text it belongs to."""
    words = np.repeat(np.arange(len(sizes), dtype=np.int8), sizes)[:, np.newaxis]
    starts = np.arange(len(words), dtype=np.int32)
    return Embedded(np.eye(len(sizes), dtype=np.float32), words, starts, np.cumsum(sizes))


def test_a_part_holds_its_texts_and_their_words():
    part = made(2, 0, 3, 1).part(1, 3)
    assert len(part) == 2
    assert part.words[:, 0].tolist() == [2, 2, 2]
    assert part.starts.tolist() == [2, 3, 4]
    assert part.ends.tolist() == [0, 3]


def test_parts_joined_are_the_whole_again():
    whole = made(2, 0, 3, 1)
    again = Embedded.joined([whole.part(0, 1), whole.part(1, 1), whole.part(1, 4)])
    assert np.array_equal(again.vectors, whole.vectors)
    assert np.array_equal(again.words, whole.words)
    assert np.array_equal(again.starts, whole.starts)
    assert np.array_equal(again.ends, whole.ends)


def test_an_embedder_without_words_gives_none():
    vectors = np.eye(3, dtype=np.float32)
    alone = Embedded.joined([Embedded.without_words(vectors), Embedded.without_words(vectors)])
    assert (len(alone), alone.words.size, alone.ends.tolist()) == (6, 0, [0] * 6)


def test_a_range_s_match_is_the_mean_of_each_asked_word_s_best_inside_it():
    likeness = np.array([[0.1, 0.9, 0.3], [0.8, 0.2, 0.4]], np.float32)
    matches = Matches(np.array([0, 10, 20]), likeness, np.array([0, 5]))
    assert np.isclose(matches.between(0, 20), (0.9 + 0.8) / 2)
    assert np.isclose(matches.between(10, 21), (0.9 + 0.4) / 2)
    assert matches.between(30, 40) == 0
    assert (
        Matches(np.array([0]), np.zeros((0, 1), np.float32), np.zeros(0, np.int32)).between(0, 5)
        == 0
    )
