"""The instructor's view: what it shows, and that nobody else sees any of it."""

import json
import re
import time

import httpx
import pytest

from rag.errors import SettingsError
from rag.questions import parse_lines
from rag.settings import Settings
from tests.browsing import (
    BOATS,
    MASONS,
    Program,
    ask,
    marks,
    needs_chromium,
    shoot,
    shown_picture,
)

PASSWORD = "salt herring & café"
LOOKS = {"sec-fetch-site": "same-origin"}
ADDRESSES = ["coverage", "usage", "evaluation", "coverage.csv", "anything"]
HOSTILE = "<script>document.title=1</script>"


def marked(test):
    for mark in reversed(needs_chromium):
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def staffed(server, shelf, tmp_path_factory):
    """A program with a password and a log."""
    log = tmp_path_factory.mktemp("staffed") / "log.sqlite"
    program = Program(
        shelf / "corpus",
        shelf / "index",
        log=str(log),
        instructor_password=PASSWORD,
        log_smallest="1",
    )
    yield opened(program)
    program.kill()


@pytest.fixture
def fresh(server, shelf):
    """The same without a log, that nobody has tried to enter yet."""
    program = Program(shelf / "corpus", shelf / "index", instructor_password=PASSWORD)
    yield opened(program)
    program.kill()


def opened(program):
    """The program once its readings can be asked."""
    program.start()
    with client(program) as visitor:
        for _ in range(240):
            if visitor.get("/room/pane?reading=harbour&page=1").status_code == 200:
                return program
            time.sleep(0.25)
    raise AssertionError("the readings do not open")


def client(program):
    return httpx.Client(base_url=program.address, timeout=30)


def enter(visitor, password=PASSWORD):
    return visitor.post("/instructor/enter", data={"password": password})


def key(page):
    return re.search(r'name="key" value="([^"]+)"', page.text)[1]


def worked(visitor, view, files=None, **fields):
    """The page of a view once its work is done."""
    fields["key"] = key(visitor.get(f"/instructor/{view}"))
    page = visitor.post(f"/instructor/{view}", data=fields, files=files, follow_redirects=True)
    for _ in range(240):
        if "refresh" not in page.headers:
            return page
        time.sleep(0.25)
        page = visitor.get(f"/instructor/{view}")
    raise AssertionError("the work does not end")


def test_without_a_password_there_is_no_view(server):
    with client(server) as visitor:
        for path in ("/instructor", "/instructor/", *(f"/instructor/{one}" for one in ADDRESSES)):
            assert visitor.get(path).status_code == 404
        assert enter(visitor, "").status_code in {404, 405}
        assert "nstructor" not in visitor.get("/config").text


def test_without_a_visit_every_address_shows_the_door_and_nothing_else(staffed):
    with client(staffed) as visitor:
        pages = {visitor.get(f"/instructor/{one}").text for one in ADDRESSES}
        assert len(pages) == 1
        assert "Topics" not in pages.pop()
        for one in ADDRESSES:
            assert visitor.get(f"/instructor/{one}").status_code == 401
            assert visitor.post(f"/instructor/{one}", data={"asked": "x"}).status_code == 401
        assert visitor.post("/instructor/leave").status_code == 401
        assert visitor.get("/instructor").status_code == 200


def test_fifty_wrong_passwords_show_nothing_and_are_slowed(fresh):
    with client(fresh) as visitor:
        for number in range(50):
            page = enter(visitor, f"wrong {number}")
            assert page.status_code in {403, 429}
            assert "set-cookie" not in page.headers
            assert "Topics" not in page.text
            assert "wrong" not in page.text
        assert page.status_code == 429
        wait = int(page.headers["retry-after"])
        assert wait >= 1
        # Not even the right one is looked at now.
        assert enter(visitor).status_code == 429
        time.sleep(wait + 1)
        assert enter(visitor).status_code == 303
    _, said = fresh.interrupt()
    assert "wrong" not in said
    assert PASSWORD not in said


def test_a_visits_cookie_is_for_this_view_alone_and_ends_with_it(staffed):
    with client(staffed) as visitor:
        cookie = enter(visitor).headers["set-cookie"]
        for part in ("HttpOnly", "SameSite=strict", "Path=/instructor", "Max-Age="):
            assert part in cookie
        page = visitor.get("/instructor/coverage")
        assert "Topics" in page.text
        token = visitor.cookies["reading-room-instructor"]
        visitor.post("/instructor/leave", data={"key": key(page)}, headers=LOOKS)
    with client(staffed) as other:
        other.cookies.set("reading-room-instructor", token)
        assert other.get("/instructor/coverage").status_code == 401
        other.cookies.set("reading-room-instructor", "x" * 43)
        assert other.get("/instructor/coverage").status_code == 401


def test_a_form_from_elsewhere_does_nothing(staffed):
    with client(staffed) as visitor, client(staffed) as other:
        enter(visitor)
        enter(other)
        own, others = (key(one.get("/instructor/coverage")) for one in (visitor, other))
        for fields, headers in (
            ({"asked": "x"}, {}),
            ({"asked": "x", "key": others}, {}),
            ({"asked": "x", "key": "\u00e9"}, {}),
            ({"asked": "x", "key": own}, {"sec-fetch-site": "cross-site"}),
        ):
            page = visitor.post("/instructor/coverage", data=fields, headers=headers)
            assert page.status_code == 403
            assert "Working" not in page.text
        assert visitor.post("/instructor/leave", data={"key": others}).status_code == 401
        assert visitor.get("/instructor/coverage").status_code == 200


def test_every_page_is_kept_nowhere_and_framed_by_none(staffed):
    with client(staffed) as visitor:
        pages = [visitor.get("/instructor"), enter(visitor), visitor.get("/instructor/coverage")]
        for page in [*pages, visitor.get("/instructor/coverage.csv")]:
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["x-content-type-options"] == "nosniff"
            policy = page.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "script-src" not in policy
            assert "default-src 'none'" in policy


def test_what_is_too_large_is_refused_unread(staffed):
    with client(staffed) as visitor:
        assert enter(visitor, "x" * 20_000).status_code == 413
        enter(visitor)
        data = {"key": key(visitor.get("/instructor/coverage")), "asked": "x" * 3_000_000}
        assert visitor.post("/instructor/coverage", data=data).status_code == 413
        page = worked(visitor, "coverage", asked="topic\n" * 300)
        assert "are too many for this page" in page.text
        assert "holds no topic" in worked(visitor, "coverage", asked="").text
        assert "at most 500" in worked(visitor, "coverage", asked="x" * 600).text


def test_gradios_api_and_its_private_events_know_nothing_of_the_view(staffed):
    with client(staffed) as visitor:
        for path in ("/config", "/gradio_api/info", "/gradio_api/openapi.json"):
            text = visitor.get(path).text.lower()
            assert "/instructor" not in text
            assert "coverage" not in text
            assert "evaluat" not in text
        events = visitor.get("/config").json()["dependencies"]
        for number in [*range(len(events) + 3), -1, 999]:
            call = {"fn_index": number, "data": [], "session_hash": "guess"}
            # Where there is no such event Gradio fails, and closes the connection.
            answer = httpx.post(f"{staffed.address}/gradio_api/queue/join", json=call)
            assert set(answer.json() if answer.is_success else {}) <= {"event_id"}
        assert visitor.get("/instructor/coverage").status_code == 401


def test_topics_are_compared_and_every_cell_leads_to_its_marked_page(staffed):
    with client(staffed) as visitor:
        enter(visitor)
        page = worked(
            visitor,
            "coverage",
            asked=f"The fleet of fishing boats\nQuantum computing\n{HOSTILE} boats",
        )
        assert "<script" not in page.text
        links = re.findall(r'<td class="mentioned">.*?href="\.\./\?([^"]+)"', page.text)
        assert links
        pane = visitor.get("/room/pane?" + links[0].replace("&amp;", "&"))
        assert 'class="mark"' in pane.text
        assert (
            "The fleet of fishing boats" in page.text.split("<textarea")[1].split("</textarea")[0]
        )
        csv = visitor.get("/instructor/coverage.csv")
        assert csv.headers["content-type"].startswith("text/csv")
        assert "Quantum computing" in csv.text


def test_one_instructors_work_is_not_anothers(staffed):
    with client(staffed) as visitor, client(staffed) as other:
        enter(visitor)
        enter(other)
        worked(visitor, "coverage", asked="The fleet of fishing boats")
        assert "fleet" not in other.get("/instructor/coverage").text
        assert other.get("/instructor/coverage.csv").status_code == 303


def test_topics_are_proposed_from_the_readings_own_headings(staffed):
    with client(staffed) as visitor:
        enter(visitor)
        page = worked(visitor, "coverage", asked="", do="propose")
        assert "topics made of the readings" in page.text


def test_questions_are_asked_again_and_judged_by_their_pages(staffed):
    lines = f"{MASONS} | harbour | 1\n{BOATS} | harbour | 2\nWho won the cup in 1998?\n"
    record = {"id": "a", "type": "text", "question": MASONS, "readings": ["harbour"],
              "evidence": [{"reading": "harbour", "page": 1}], "answerable": True}  # fmt: skip
    with client(staffed) as visitor:
        enter(visitor)
        page = worked(visitor, "evaluation", asked=lines)
        assert "Missed, as set: 1 of 3 questions" in page.text
        assert "page@5" in page.text
        assert '<th scope="col">text@5' not in page.text
        assert "Figures" in worked(visitor, "evaluation", asked=json.dumps(record)).text
        wrong = worked(visitor, "evaluation", asked="Who? | harbour | first")
        assert "are no pages" in wrong.text
        page = worked(visitor, "evaluation", files={"file": ("questions.txt", lines)})
        assert "Missed, as set: 1 of 3 questions" in page.text


def test_without_a_log_the_view_says_so(fresh):
    with client(fresh) as visitor:
        enter(visitor)
        assert "No questions are kept" in worked(visitor, "usage").text


def test_plain_questions_name_reading_and_pages_or_are_to_be_declined():
    first, second = parse_lines(["# mine", "Who? | a | 3, 4", "", "What else?"], "x")
    assert [(e.reading, e.page) for e in first.evidence] == [("a", 3), ("a", 4)]
    assert (first.answerable, second.answerable) == (True, False)
    for wrong in ("Who? | a", "Who? | a | 0", "| a | 1", "Who? | a | "):
        with pytest.raises(SettingsError, match="x, line 1"):
            parse_lines([wrong], "x")


def test_the_password_is_no_setting_that_could_be_shown(monkeypatch):
    monkeypatch.setenv("RAG_INSTRUCTOR_PASSWORD", PASSWORD)
    assert PASSWORD not in repr(Settings.load())
    with pytest.raises(SettingsError):
        Settings.load(instructor_password=PASSWORD)


SIZES = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}


def views(page):
    """The instructor's way, view by view."""
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Enter").click()
    page.wait_for_selector("[role=alert]")
    yield "door"
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Enter").click()
    topics = "The fleet of fishing boats\nMasons from Genoa\nQuantum computing"
    page.get_by_label("Topics").fill(topics)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("td.mentioned", timeout=60_000)
    yield "coverage"
    page.get_by_role("link", name="What is asked").click()
    page.get_by_role("button", name="Look at the log").click()
    page.wait_for_selector("td", timeout=60_000)
    yield "usage"
    page.get_by_role("link", name="Evaluation").click()
    page.get_by_label("Questions and the pages").fill(f"{MASONS} | harbour | 1\nWhy? | harbour | 2")
    page.get_by_role("button", name="Ask them").click()
    page.wait_for_selector("article", timeout=60_000)
    yield "evaluation"
    page.get_by_role("link", name="Coverage", exact=True).click()


@marked
@pytest.mark.parametrize("size", SIZES)
def test_the_instructors_way_fits_and_leads_to_the_marked_page(browser, visit, staffed, size):
    from axe_playwright_python.sync_playwright import Axe

    student = visit(program=staffed)
    student.wait_for_selector("#keep input:checked")
    ask(student, BOATS)
    context = browser.new_context(**SIZES[size])
    page, found, axe = context.new_page(), [], Axe()
    page.set_default_timeout(20_000)
    page.goto(f"{staffed.address}/instructor")
    for name in views(page):
        shoot(page, f"{size}-instructor-{name}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size]["viewport"]["width"]
        found += [(name, *fault) for fault in faults(axe, browser, page, SIZES[size])]
    assert found == []
    page.locator("td.mentioned a:not(.verdict)").first.click()
    shown_picture(page)
    shoot(page, f"{size}-instructor-page")
    assert marks(page)
    assert "fleet" in page.locator("#pane blockquote").inner_text()
    context.close()


def faults(axe, browser, page, size):
    """What axe finds serious in a copy of the page: the page itself lets no script in."""
    with_scripts = browser.new_context(**size, bypass_csp=True)
    copy = with_scripts.new_page()
    copy.set_content(page.content())
    for fault in axe.run(copy).response["violations"]:
        if fault["impact"] in {"serious", "critical"}:
            yield from ((fault["id"], node["html"][:160]) for node in fault["nodes"])
    with_scripts.close()
