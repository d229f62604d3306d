import math

import pytest

from rag.figures import Figure, differences, figures
from rag.marks import Marks
from tests.marked import parsed


def marked(values, kind="factoid"):
    """One question for each of the given marks."""
    return [Marks(parsed(question_id=f"{kind}{n}", type=kind), {}, v) for n, v in enumerate(values)]


def named(values, name="page@1"):
    return [{name: value} for value in values]


def group(groups, name):
    return next(g for g in groups if g.name == name)


def binomial_quantile(count, share, wanted):
    below = 0.0
    for hits in range(count + 1):
        below += math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)
        if below >= wanted:
            return hits / count
    raise AssertionError


def test_groups_are_all_then_the_types_as_they_come_then_the_unanswerable():
    declined = Marks(parsed(question_id="u", answerable=False), {}, {"abstained": 1.0})
    mixed = [declined, *marked(named([1, 0]), "table"), *marked(named([1]), "list")]
    found = figures(mixed)
    assert [(g.name, g.count) for g in found] == [
        ("all", 3),
        ("table", 2),
        ("list", 1),
        ("unanswerable", 1),
    ]
    assert group(found, "all").figures["page@1"].mean == pytest.approx(2 / 3)
    assert group(found, "unanswerable").figures["abstained"].mean == 1


@pytest.mark.parametrize(("count", "hits"), [(50, 38), (14, 6), (235, 190)])
def test_the_interval_is_that_of_the_bootstrap_distribution(count, hits):
    # Of marks that are 0 or 1, resampled means are binomial: here the interval is known exactly.
    figure = figures(marked(named([1] * hits + [0] * (count - hits))))[0].figures["page@1"]
    one_question = 1.01 / count
    low, high = (binomial_quantile(count, hits / count, share) for share in (0.025, 0.975))
    assert figure.low == pytest.approx(low, abs=one_question)
    assert figure.high == pytest.approx(high, abs=one_question)


def test_the_same_marks_have_the_same_interval_every_time():
    again = [figures(marked(named([0, 0.2, 0.5, 1]))) for _ in range(2)]
    assert again[0] == again[1]


def test_a_figure_that_applies_to_some_questions_is_the_mean_over_those():
    values = [{"page@1": 1.0}, {"page@1": 0.0, "citation_page_precision": 0.5}]
    figure = figures(marked(values))[0].figures["citation_page_precision"]
    assert figure == Figure(0.5, 0.5, 0.5)


def test_a_difference_is_taken_question_by_question():
    # Each question gains a tenth: certain, although the questions themselves differ widely.
    before = [n / 20 for n in range(18)]
    first, second = marked(named(before)), marked(named([v + 0.1 for v in before]))
    single = group(figures(first), "all").figures["page@1"]
    difference = group(differences(first, second), "all").figures["page@1"]
    assert single.high - single.low > 0.2
    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)
    assert difference.excludes_zero


def test_a_difference_within_chance_includes_zero():
    first, second = marked(named([1, 0, 1, 0, 1, 1])), marked(named([0, 1, 1, 0, 1, 1]))
    assert not group(differences(first, second), "all").figures["page@1"].excludes_zero
    assert not group(differences(first, first), "all").figures["page@1"].excludes_zero


def test_only_questions_that_both_have_are_compared():
    first, second = marked(named([1, 0, 1])), marked(named([1, 1]))
    found = group(differences(first, second), "all")
    assert (found.count, found.figures["page@1"].mean) == (2, 0.5)


def test_no_questions_have_no_figures():
    assert figures([]) == ()
    assert differences([], []) == ()


@pytest.mark.parametrize(
    ("figure", "text", "signed"),
    [
        (Figure(0.844, 0.731, 0.929), ".84 [.73 .93]", "+.84 [+.73 +.93]"),
        (Figure(1, 0.999, 1), "1.0 [1.0 1.0]", "+1.0 [+1.0 +1.0]"),
        (Figure(-0.06, -0.1, -0.001), "-.06 [-.10 .00]", "-.06 [-.10 .00]"),
    ],
)
def test_a_figure_is_shown_with_its_interval(figure, text, signed):
    assert str(figure) == text
    assert figure.signed == signed
