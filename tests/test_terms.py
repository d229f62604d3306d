from rag.terms import located_terms, rarity, terms


def test_endings_case_and_hyphens_do_not_matter():
    assert terms("Pre-training models") == terms("pre training MODEL")


def test_numbers_match_in_their_spellings():
    assert terms("8,792") == terms("8792")
    assert set(terms("38.5")) <= set(terms("38.5B"))
    assert terms("75%") == terms("75")


def test_a_glued_footnote_digit_does_not_hide_a_word():
    assert set(terms("StarCoder")) <= set(terms("StarCoder6"))


def test_offsets_point_at_the_words():
    text = "What is Codestral's score?"
    assert [text[a:b] for _, a, b in located_terms(text)] == ["Codestral's", "score"]


def test_words_without_meaning_are_left_out():
    assert terms("what is the of and") == []


def test_common_words_are_less_rare_than_jargon():
    assert rarity("really") < rarity("vocabulary") < rarity("frontiermath") == 1.0
    assert rarity("v2") == 1.0


def test_a_table_or_section_named_by_its_number_is_a_term():
    assert "tab:2" in terms("Table 2 of the survey")
    assert "tab:2" in terms("see Tab. 2")
    assert "sec:6.2" in terms("It is in section 6.2")
    assert "sec:6.2" in terms("A Survey > 6.2 Numbers")
    assert not any(":" in term for term in terms("a table with 2 rows, section by section"))
