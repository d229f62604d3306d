"""What the page's buttons do, without a browser."""

from dataclasses import replace
from importlib.util import find_spec

import gradio as gr
import pytest

from rag.errors import PluginError
from rag.types import Answer
from rag.web.actions import Actions, Asking
from rag.web.conversation import INTERRUPTED, STOPPED, Stopper, Turn
from rag.web.history import History, Talk
from rag.web.page import application


class Engine:
    """Says back what it is asked, in two steps."""

    readings = ()

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


def begin(rate=None):
    room = Room()
    return room.opened.engine, Actions(room, rate), Asking(frozenset(), "", Stopper())


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


def test_thumbs_are_shown_only_to_one_who_listens_and_told_once():
    told = []
    _, actions, asking = begin(lambda *rating: told.append(rating))
    assert "Helpful" in actions.shown(asked("Who?"))[0]
    done = {"do": "rate", "turn": "0", "rating": "bad", "reason": "x" * 900}
    (shown,) = actions.in_chat(done, asking, asked("Who?"), None)
    ((answer, good, reason),) = told
    assert (answer.text, good, len(reason)) == ("Yes.", False, 500)
    assert "Helpful" not in shown[0]
    _, silent, _ = begin()
    assert "Helpful" not in silent.shown(asked("Who?"))[0]


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the package mcp is installed")
def test_mcp_without_its_package_is_refused_with_the_command_to_get_it():
    with pytest.raises(PluginError, match=r"pip install 'gradio\[mcp\]'"):
        application(None, None, "127.0.0.1", 7860, mcp=True)
