import pytest

from rag.terms import terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("40k", "40,000"),
        ("40k", "40 000"),
        ("40k", "40 thousand"),
        ("40 000", "40\u202f000"),
        ("10.2T", "10.2 trillion"),
        ("38.5B", "38.5 billion"),
        ("60%", "60 percent"),
        ("60 per cent", "60 %"),
        ("128K", "128,000"),
        ("three", "3"),
        ("Twelve", "12"),
    ],
)
def test_a_number_is_found_in_its_other_spellings(one, other):
    assert terms(one)[0] == terms(other)[0]


def test_numbers_side_by_side_stay_apart():
    assert terms("GSM 112 500.5") == ["gsm", "112", "500.5"]
    assert terms("12 305 7.5") == ["12", "305", "7.5"]
    assert terms("12 305 | 712") == ["12", "305", "712"]


def test_a_year_with_a_letter_is_no_size():
    assert terms("2022b") == ["2022b", "2022"]


def test_sizes_differ_from_bare_numbers():
    assert terms("7B")[0] != terms("7")[0]
    assert set(terms("7")) <= set(terms("7B"))
