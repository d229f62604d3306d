"""What the page's buttons do, without a browser."""

from dataclasses import replace
from importlib.util import find_spec

import gradio as gr
import pytest

from rag.errors import LogFailure, PluginError
from rag.log import NoLog
from rag.types import Answer
from rag.web.actions import Actions, Asking
from rag.web.conversation import INTERRUPTED, STOPPED, Stopper, Turn
from rag.web.history import History, Talk
from rag.web.line import Work
from rag.web.page import application


class Engine:
    """Says back what it is asked, in two steps."""

    readings = ()

    quotes = False

    def __init__(self):
        self.asked = []
        self.closed = False

    def self_contained(self, question, earlier):
        return question

    def ask(self, question, readings):
        self.asked.append(question)
        try:
            answer = Answer(question, "", (), (), False, (), "echo", (), False)
            yield answer
            yield replace(answer, text=f"You asked: {question}")
            yield replace(answer, text=f"You asked: {question}", done=True)
        finally:
            self.closed = True


class Opened:
    def __init__(self):
        self.engine, self.samples = Engine(), ()

    def engine_with(self, llm):
        return self.engine


class Room:
    def __init__(self):
        self.opened = Opened()

    def current(self):
        return self.opened


class Log:
    """Remembers what it is told."""

    days = 180

    def __init__(self):
        self.questions, self.judgements = [], []

    def asked(self, answer, session):
        self.questions.append((answer.question, session))
        return "0" * 32

    def judged(self, entry_id, thumb, reason):
        self.judgements.append((entry_id, thumb, reason))


class FullDisk(Log):
    def asked(self, answer, session):
        raise LogFailure("The log of questions could not be written.")

    def judged(self, entry_id, thumb, reason):
        raise LogFailure("The log of questions could not be written.")


def begin(log=None, asker=""):
    room = Room()
    actions = Actions(room, log or NoLog())
    return room.opened.engine, actions, Asking(frozenset(), "", Stopper(), asker)


def asked(*questions):
    answer = Answer("", "Yes.", (), (), False, (), "echo", (), True)
    turns = tuple(Turn(question, answer=answer) for question in questions)
    return History((Talk("0123456789ab", "", turns),))


def questions(shown):
    return [turn.question for turn in shown[2].open.turns]


def test_a_search_that_is_changed_is_asked_instead_and_shown_with_the_question():
    engine, actions, asking = begin()
    done = {"do": "search-again", "turn": "1", "text": "Why does Genoa do that?"}
    *_, last = actions.in_chat(done, asking, asked("Who?", "Why?", "When?"), None)
    assert engine.asked == ["Why does Genoa do that?"]
    assert questions(last) == ["Who?", "Why?"]
    assert 'value="Why does Genoa do that?"' in last[0]


def test_what_the_browser_says_was_pressed_does_nothing_unless_it_names_a_turn():
    engine, actions, asking = begin()
    for turn in ("7", "-1", "x", None, {}):
        for do in ("retry", "edit", "undo", "rate", "search-again", "drop table"):
            (shown,) = actions.in_chat({"do": do, "turn": turn}, asking, asked("Who?"), None)
            assert questions(shown) == ["Who?"]
    assert engine.asked == []


def test_nothing_typed_is_nothing_asked():
    engine, actions, asking = begin()
    for text in ("", "  \n "):
        (shown,) = actions.ask(text, asking, asked("Who?"), None)
        assert shown == (gr.skip(),) * 6
    assert engine.asked == []


def test_a_new_conversation_keeps_what_is_being_typed_but_not_a_question_that_was_to_be_changed():
    _, actions, _ = begin()
    assert actions.fresh(asked("Who?"), Stopper(), None)[4] == gr.skip()
    assert actions.fresh(asked("Who?"), Stopper(), 0)[4] == ""


def test_another_question_takes_over_from_the_one_being_answered():
    _, actions, asking = begin()
    first = actions.ask("First?", asking, History(), None)
    history = next(first)[2]
    next(first)
    *_, last = actions.ask("Second?", asking, history, None)
    assert list(first) == []
    assert questions(last) == ["First?", "Second?"]
    assert last[2].open.turns[0].said == INTERRUPTED
    assert last[0].count("aria-busy") == 0


def test_stopping_closes_the_engines_answer_and_says_so():
    engine, actions, asking = begin()
    growing = actions.ask("First?", asking, History(), None)
    next(growing)
    next(growing)
    asking.stopper.stop()
    *_, last = growing
    assert engine.closed
    assert last[2].open.turns[0].said == STOPPED


def test_a_question_stopped_while_it_stands_in_line_is_not_searched_for():
    engine, actions, asking = begin()
    engine.quotes = True
    growing = actions.ask("First?", asking, History(), None)
    next(growing)
    work = next(growing)
    assert isinstance(work, Work)
    assert work.wanted()
    asking.stopper.stop()
    assert not work.wanted()
    *_, last = growing
    assert engine.asked == []
    assert last[2].open.turns[0].said == STOPPED


def test_thumbs_are_shown_only_to_one_who_listens_and_told_once():
    log = Log()
    _, actions, asking = begin(log, "ada")
    *_, last = actions.ask("Who?", asking, History(), None)
    assert "Helpful" in last[0]
    done = {"do": "rate", "turn": "0", "rating": "bad", "reason": "x" * 900}
    (shown,) = actions.in_chat(done, asking, last[2], None)
    ((entry, thumb, reason),) = log.judgements
    assert (entry, thumb, len(reason)) == ("0" * 32, -1, 500)
    assert "Helpful" not in shown[0]
    _, silent, _ = begin()
    assert "Helpful" not in silent.shown(asked("Who?"))[0]


def test_the_log_hears_of_answered_questions_of_those_who_do_not_mind():
    log = Log()
    _, actions, asking = begin(log, "ada")
    list(actions.ask("Who?", asking, History(), None))
    assert log.questions == [("Who?", "ada")]
    stopped = actions.ask("Why?", asking, History(), None)
    next(stopped)
    next(stopped)
    asking.stopper.stop()
    list(stopped)
    assert log.questions == [("Who?", "ada")]


def test_the_log_hears_nothing_of_one_who_refuses():
    log = Log()
    _, actions, asking = begin(log, "")
    *_, last = actions.ask("Who?", asking, History(), None)
    done = {"do": "rate", "turn": "0", "rating": "bad", "reason": "private"}
    list(actions.in_chat(done, asking, last[2], None))
    assert (log.questions, log.judgements) == ([], [])
    assert "Helpful" not in last[0]


def test_a_log_that_cannot_be_written_costs_no_answer():
    _, actions, asking = begin(FullDisk(), "ada")
    *_, last = actions.ask("Who?", asking, History(), None)
    assert last[2].open.turns[0].answer.text == "You asked: Who?"
    assert "Helpful" not in last[0]


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the package mcp is installed")
def test_mcp_without_its_package_is_refused_with_the_command_to_get_it():
    with pytest.raises(PluginError, match=r"pip install 'gradio\[mcp\]'"):
        application(None, None, "127.0.0.1", 7860, mcp=True)
