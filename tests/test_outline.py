import pytest

from rag.outline import Entry, Outline

BOLD, PLAIN = (12.0, True), (10.0, False)
ENTRIES = [
    Entry("Introduction", 1, 1),
    Entry("Methods and Materials", 1, 2),
    Entry("Samples", 2, 2),
    Entry("A. Tables", 1, 3),
    Entry("Thanks", 1, 4),
]


@pytest.mark.parametrize(
    "line",
    [
        "Introduction",
        "1 INTRODUCTION",
        "1. Introduction",
        "I. Introduction",
        "§ 1 Introduction",
        "Appendix A. Introduction",
        "1 Introduc tion",
    ],
)
def test_a_heading_is_known_with_any_number_and_in_any_letters(line):
    assert Outline(ENTRIES).find([line, "It begins here."], BOLD, 1) == (1, 1)


def test_a_heading_may_take_more_than_one_line():
    assert Outline(ENTRIES).find(["2 Methods and", "Materials", "We took"], BOLD, 2) == (2, 1)
    assert Outline(ENTRIES).find(["2 Methods and", "much else"], BOLD, 2) == (0, 0)


def test_a_heading_is_looked_for_on_its_page_and_the_next():
    assert Outline(ENTRIES).find(["Samples"], BOLD, 2) == (1, 2)
    assert Outline(ENTRIES).find(["Samples"], BOLD, 3) == (1, 2)
    assert Outline(ENTRIES).find(["Samples"], BOLD, 1) == (0, 0)
    assert Outline(ENTRIES).find(["Samples"], BOLD, 4) == (0, 0)


def test_an_entry_is_one_heading_only():
    outline = Outline(ENTRIES)
    assert outline.find(["Samples"], BOLD, 2) == (1, 2)
    assert outline.find(["Samples"], PLAIN, 2) == (0, 0)


def test_sections_below_the_title_count_from_one():
    titled = [Entry("A Paper", 1, 1), *(Entry(e.title, e.level + 1, e.page) for e in ENTRIES)]
    assert Outline(titled).find(["Introduction"], BOLD, 1) == (1, 1)
    assert Outline(titled).find(["Samples"], BOLD, 2) == (1, 2)


def test_what_an_outline_does_not_name_is_no_heading():
    outline = Outline(ENTRIES)
    assert outline.rules_out("Free salt", BOLD, 1)
    assert not outline.rules_out("THANKS", BOLD, 1)


def test_an_outline_says_nothing_of_what_lies_deeper_than_it_goes():
    assert Outline(ENTRIES).rules_out("Free salt", BOLD, 2)
    assert not Outline(ENTRIES).rules_out("Free salt", BOLD, 3)


def test_a_line_set_like_the_headings_found_is_not_ruled_out():
    outline = Outline(ENTRIES)
    outline.find(["Introduction"], BOLD, 1)
    assert not outline.rules_out("Version Control", BOLD, 1)
    assert outline.rules_out("Version Control", PLAIN, 1)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_short_outline_rules_nothing_out(count):
    outline = Outline(ENTRIES[:count])
    assert not outline.rules_out("Free salt", BOLD, 1)
    assert not outline.is_contents("Introduction 3")


def test_lines_of_a_table_of_contents_are_known():
    outline = Outline(ENTRIES)
    assert outline.is_contents("1 Introduction . . . . . 3")
    assert outline.is_contents("Samples 12")
    assert not outline.is_contents("1 Introduction")
    assert not outline.is_contents("Figure 3")


def test_titles_without_letters_are_passed_over():
    assert Outline([Entry("***", 1, 1)]).find(["---"], BOLD, 1) == (0, 0)
