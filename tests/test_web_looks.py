"""Every view of the page: readable by everyone, at every size, from nowhere else."""

import pytest

from tests.browsing import (
    BOATS,
    MASONS,
    ask,
    citation,
    needs_chromium,
    ready,
    shoot,
    shown_picture,
    tab,
)

pytestmark = needs_chromium

SIZES = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
    "small": {"viewport": {"width": 320, "height": 568}},
    "wall": {"viewport": {"width": 3840, "height": 2160}},
}


def views(page):
    """Each view of the page in turn, by its name."""
    yield "empty"
    ask(page, MASONS)
    ask(page, "Which football club won the cup in 1998?")
    yield "answers"
    citation(page).first.focus()
    yield "peek"
    citation(page).first.click()
    shown_picture(page)
    page.get_by_text("Text of this page").click()
    yield "page"
    page.get_by_role("button", name="Close page").click()
    tab(page, "Check a sentence")
    page.get_by_label("Sentence").fill(
        "The harbour was built in 1312. The moon is of cheese. The masons were paid in salt."
    )
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("#verdicts .checked:nth-child(3)")
    page.wait_for_selector("#verdicts:not(:has([aria-busy]))")
    yield "check"
    tab(page, "Readings")
    page.locator("#shelf summary").first.click()
    yield "shelf"
    tab(page, "History")
    yield "history"


@pytest.mark.parametrize("size", SIZES)
def test_every_view_fits_and_has_nothing_serious_against_it(visit, server, size):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(**SIZES[size])
    axe, found = Axe(), []
    for name in views(page):
        page.wait_for_timeout(300)
        shoot(page, f"{size}-{name}")
        assert (
            page.evaluate("document.documentElement.scrollWidth")
            <= SIZES[size]["viewport"]["width"]
        )
        for fault in axe.run(page).response["violations"]:
            if fault["impact"] in {"serious", "critical"}:
                found += [(name, fault["id"], node["html"][:160]) for node in fault["nodes"]]
    assert found == []
    assert all(url.startswith((server.address, "data:", "blob:")) for url in page.asked)
    assert page.errors == []


def test_on_a_phone_the_page_is_a_sheet_over_the_chat_that_closes(visit):
    page = visit(**SIZES["phone"])
    ask(page, BOATS)
    citation(page).tap()
    shown_picture(page)
    box = page.locator("#pane").bounding_box()
    assert (box["x"], box["width"]) == (0, 360)
    assert page.evaluate("document.querySelector('#tabs').inert")
    page.get_by_role("button", name="Close page").tap()
    assert not page.locator("#pane").is_visible()
    assert page.locator("#chat .question").inner_text() == BOATS


def test_what_the_page_loads_of_its_own_is_light(visit, server):
    page = visit()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/room/')).map(e => [e.name, e.decodedBodySize])"
    )
    assert sum(size for _, size in sizes) < 150_000
    assert any("page.js" in name for name, _ in sizes)
    ready(page)
