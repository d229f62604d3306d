"""The instructor's pages as HTML: plain forms and tables, without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rag import coverage_page, hypertext, usage_page
from rag.web.desk import Job
from rag.web.door import LONGEST_PASSWORD
from rag.web.markup import fill, joined

TITLE = "Reading Room: for instructors"

VIEWS = {"coverage": "Coverage", "usage": "What is asked", "evaluation": "Evaluation"}
"""The views by their addresses, each with its name."""

STYLE = (
    coverage_page.STYLE
    + usage_page.STYLE
    + """
header { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; align-items: baseline; margin: 0 0 1rem;
  border-bottom: 1px solid var(--rule); padding-bottom: .6rem; }
header h1 { font-size: 1.15rem; margin: 0; } nav { display: flex; flex-wrap: wrap; gap: 0 1.1rem; }
nav a, .leave button { display: inline-block; padding: .3rem 0; }
nav a[aria-current] { color: var(--ink); font-weight: 650; text-decoration: none; }
.leave { margin-left: auto; } .leave button { border: 0; background: none; color: var(--mark);
  text-decoration: underline; font: inherit; cursor: pointer; }
label { display: block; font-weight: 600; margin: .8rem 0 .3rem; }
textarea, input[type=password] { width: 100%; box-sizing: border-box; font: inherit;
  padding: .5rem .6rem; color: var(--ink); background: var(--paper);
  border: 1px solid var(--quiet); border-radius: .4rem; }
input[type=password] { max-width: 24rem; } input[type=file] { font: inherit; max-width: 100%; }
.deeds { display: flex; flex-wrap: wrap; gap: .6rem; margin: .8rem 0; }
.deeds button { font: inherit; padding: .45rem 1rem; border-radius: .4rem; cursor: pointer;
  border: 1px solid var(--mark); color: var(--mark); background: var(--paper); }
.deeds button.first { color: var(--paper); background: var(--mark); }
:is(a, button, textarea, input, summary):focus-visible { outline: 2px solid var(--mark);
  outline-offset: 2px; }
.quiet { color: var(--quiet); max-width: 44rem; } progress { width: min(100%, 24rem); }
[role=alert] { border-left: 4px solid #b3261e; padding: .3rem .8rem; }
section h2 { overflow-wrap: anywhere; } code { overflow-wrap: anywhere; }
@media print { header, form, .quiet { display: none; } }
"""
)

_HEADER = """<header><h1>Reading Room</h1><nav aria-label="Views">{views}</nav>
<form class="leave" method="post" action="{base}/leave">{key}<button>Log out</button></form></header>
<h2>{name}</h2>"""
_LOGIN = """<h1>Reading Room</h1><p>This view is for the instructor.</p>{said}
<form method="post" action="{base}/enter"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
maxlength="{most}"><div class="deeds"><button class="first">Enter</button></div></form>"""
_COVERAGE = """<form method="post">{key}<label for="asked">Topics or learning objectives, one a
line</label><textarea id="asked" name="asked" rows="8" maxlength="110000">{asked}</textarea>
<div class="deeds"><button class="first" name="do" value="compare">Compare with the readings</button>
<button name="do" value="propose">Propose topics</button></div></form>"""
_USAGE = """<form method="post">{key}<p class="quiet">Who asked is known to nobody, and questions of
few are counted without being shown.</p><div class="deeds"><button class="first" name="do"
value="compare">Look at the log</button></div></form>"""
_EVALUATION = """<form method="post" enctype="multipart/form-data">{key}
<label for="asked">Questions and the pages that answer them</label>
<textarea id="asked" name="asked" rows="8" maxlength="1000000" aria-describedby="how">{asked}</textarea>
<p class="quiet" id="how">One a line: <code>question | reading | pages</code>, as
<code>Who built it? | {example} | 3, 4</code>; a question alone is one that the readings do not
answer. Or a file of <code>python -m rag.evaluate</code>. Keep the list, and ask it again when the
readings have changed. The papers are: {readings}.</p>
<label for="file">Or from a file</label><input id="file" name="file" type="file"
accept=".txt,.jsonl,text/plain">
<div class="deeds"><button class="first" name="do" value="compare">Ask them</button></div></form>"""
_WORKING = """<form method="post">{key}<p role="status">Working: {far}.
<progress{value} aria-label="How far the work is"></progress></p><p class="quiet">This page looks
again by itself.</p><div class="deeds"><button name="do" value="stop">Stop</button></div></form>"""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of a visit needs: where the view lives, and the visit's form key."""

    base: str
    form_key: str

    @property
    def key(self) -> Markup:
        """The field that shows a form to be ours."""
        return fill('<input type="hidden" name="key" value="{key}">', key=self.form_key)


def login(base: str, said: str = "") -> str:
    """The page before the door, with why the last try did not open it."""
    alert = fill('<p role="alert">{said}</p>', said=said) if said else Markup()
    body = fill(_LOGIN, base=base, said=alert, most=LONGEST_PASSWORD)
    return hypertext.document(TITLE, [body], STYLE)


def view(
    frame: Frame, name: str, job: Job | None, readings: Sequence[tuple[str, str]], said: str = ""
) -> str:
    """A view with its form, or with how far the work is, and then with what came of it."""
    return hypertext.document(TITLE, _parts(frame, name, job, readings, said), STYLE)


def _parts(
    frame: Frame, name: str, job: Job | None, readings: Sequence[tuple[str, str]], said: str
) -> Iterator[str]:
    yield _header(frame, name)
    if said:
        yield fill('<p role="alert">{said}</p>', said=said)
    if job is not None and not job.over:
        yield _working(frame, job)
        return
    yield _form(frame, name, job, readings)
    if job is not None and job.failure:
        yield fill('<p role="alert">{said}</p>', said=job.failure)
    elif job is not None and job.result is not None:
        if job.result.csv:
            yield fill('<p><a href="{base}/coverage.csv">The table as CSV</a></p>', base=frame.base)
        yield job.result.html


def _header(frame: Frame, name: str) -> Markup:
    views = joined(
        fill(
            '<a href="{base}/{view}"{current}>{called}</a>',
            base=frame.base,
            view=view,
            current=Markup(' aria-current="page"') if view == name else "",
            called=called,
        )
        for view, called in VIEWS.items()
    )
    return fill(_HEADER, base=frame.base, views=views, key=frame.key, name=VIEWS[name])


def _form(frame: Frame, name: str, job: Job | None, readings: Sequence[tuple[str, str]]) -> Markup:
    # A browser drops a textarea's first line where that is empty.
    asked = "\n" + ((job.result and job.result.text) or job.asked) if job else ""
    if name == "coverage":
        return fill(_COVERAGE, key=frame.key, asked=asked)
    if name == "usage":
        return fill(_USAGE, key=frame.key)
    listed = joined(
        (fill("<code>{id}</code> {title}", id=one, title=title) for one, title in readings), "; "
    )
    example = readings[0][0] if readings else "reading"
    return fill(_EVALUATION, key=frame.key, asked=asked, example=example, readings=listed)


def _working(frame: Frame, job: Job) -> Markup:
    counted = job.total > 0
    far = f"{job.done} of {job.total}" if counted else "this takes some seconds"
    value = fill(' max="{total}" value="{done}"', total=job.total, done=job.done)
    return fill(_WORKING, key=frame.key, far=far, value=value if counted else Markup())
