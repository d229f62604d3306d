import logging
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from rag.assembly import open_engine, open_log
from rag.errors import LogFailure
from rag.log import NoLog
from rag.logbook import Logbook, metadata
from rag.settings import Settings

SECRET = "Which quixotic zamboni salted the herring of the harbour?"


@pytest.fixture(scope="module")
def ask(harbour):
    engine = open_engine(Settings.load(None, corpus=str(harbour.corpus), index=str(harbour.index)))

    def last(question, readings=None):
        *_, answer = engine.ask(question, readings)
        return answer

    return last


@pytest.fixture
def clock():
    class Clock:
        now = datetime(2026, 11, 25, 14, 47, 12)

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def log(tmp_path, clock):
    book = Logbook(str(tmp_path / "kept" / "log.sqlite"), 180, clock)
    yield book
    book.close()


def every_byte(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_question_is_kept_with_what_it_led_to(log, ask):
    answer = ask("Who built the harbour?", frozenset({"harbour"}))
    log.asked(answer, "ada@example.org")
    (entry,) = log.entries()
    assert entry.question == "Who built the harbour?"
    assert entry.readings == ("harbour",)
    assert entry.at == datetime(2026, 11, 25, 14)
    assert (entry.abstained, entry.llm, entry.thumb, entry.reason) == (False, "extractive", 0, "")
    cited = [touched for touched in entry.touched if touched.status]
    assert {(one.reading, one.page, one.status) for one in cited} == {("harbour", 1, "quoted")}
    assert any("Building" in one.section for one in cited)
    assert any(one.status == "" for one in entry.touched)
    assert not entry.unsupported


def test_nothing_that_is_kept_tells_who_asked(log, ask, tmp_path):
    log.asked(ask("Who built the harbour?"), "ada@example.org")
    log.close()
    assert b"ada@" not in every_byte(tmp_path)
    assert b"14:47" not in every_byte(tmp_path)


def test_an_asker_has_one_name_for_a_day_and_another_the_next(log, ask, clock):
    answer = ask("Who built the harbour?")
    for session in ("ada", "ada", "bob"):
        log.asked(answer, session)
    clock.now += timedelta(days=1)
    log.asked(answer, "ada")
    names = [entry.session for entry in log.entries()]
    assert len(set(names)) == 3
    assert sorted(map(names.count, set(names))) == [1, 1, 2]


def test_a_thumb_and_its_reason_are_kept_with_the_question(log, ask):
    entry_id = log.asked(ask("Who built the harbour?"), "ada")
    log.asked(ask("How many boats are there?"), "ada")
    log.judged(entry_id, -1, "The wrong page.\0\ud800" + "x" * 5000)
    log.judged("unknown", 1, "")
    found = {entry.question: entry for entry in log.entries()}
    judged = found["Who built the harbour?"]
    assert (judged.thumb, judged.reason[:15], len(judged.reason)) == (-1, "The wrong page.", 1000)
    assert found["How many boats are there?"].thumb == 0


def test_what_is_too_old_is_gone_from_every_byte(log, ask, clock, tmp_path):
    log.judged(log.asked(ask(SECRET), "ada"), -1, "wombat")
    assert b"zamboni" in every_byte(tmp_path)
    clock.now += timedelta(days=100)
    log.asked(ask("How many boats are there?"), "ada")
    clock.now += timedelta(days=81)
    assert log.forget() == 1
    left = every_byte(tmp_path)
    assert b"zamboni" not in left
    assert b"wombat" not in left
    assert [entry.question for entry in log.entries()] == ["How many boats are there?"]
    assert log.forget() == 0


def test_a_program_that_runs_on_deletes_what_is_too_old_every_day(log, ask, clock, tmp_path):
    log.asked(ask(SECRET), "ada")
    clock.now += timedelta(days=181)
    log.asked(ask("How many boats are there?"), "ada")
    assert b"zamboni" not in every_byte(tmp_path)


def test_opening_the_log_deletes_what_is_too_old(log, ask, clock, tmp_path):
    log.asked(ask(SECRET), "ada")
    log.close()
    clock.now += timedelta(days=181)
    again = Logbook(str(tmp_path / "kept" / "log.sqlite"), 180, clock)
    assert again.entries() == []
    again.close()
    assert b"zamboni" not in every_byte(tmp_path)


def test_a_question_asked_with_the_log_refused_leaves_no_trace(
    log, ask, harbour, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    log.asked(ask("Who built the harbour?"), "bob")
    refused = NoLog()
    refused.judged(refused.asked(ask(SECRET), "ada"), -1, "zamboni")
    log.asked(ask("How many boats are there?"), "bob")
    assert len(log.entries()) == 2
    every = every_byte(tmp_path) + every_byte(harbour.index.parent)
    said = "".join(capfd.readouterr()) + caplog.text
    assert b"boats are there" in every
    assert b"zamboni" not in every
    assert "zamboni" not in said
    log.close()
    assert b"zamboni" not in every_byte(tmp_path)


def test_without_the_setting_nothing_is_kept_and_no_database_is_loaded():
    assert isinstance(open_log(Settings()), NoLog)


def test_only_its_owner_may_read_the_log_and_it_is_written_ahead(log, tmp_path):
    file = tmp_path / "kept" / "log.sqlite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_threads_write_side_by_side(log, ask):
    answer = ask("Who built the harbour?")
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda n: log.asked(answer, str(n)), range(40)))
    assert len(set(names)) == len(log.entries()) == 40


@pytest.mark.parametrize(
    "place",
    [
        "/proc/nowhere/log.sqlite",
        "nonsense://x",
        "postgresql+nodriver://u:pw@h/x",
        "sqlite:////nowhere/x",
    ],
)
def test_a_place_that_cannot_be_used_is_said_without_a_password(place):
    with pytest.raises(LogFailure) as failure:
        Logbook(place, 180)
    assert "RAG_LOG" in str(failure.value)
    assert "pw" not in str(failure.value)


def test_a_failure_does_not_repeat_the_question(log, ask):
    metadata.drop_all(log._engine)
    with pytest.raises(LogFailure) as failure:
        log.asked(ask(SECRET), "ada")
    assert "zamboni" not in f"{failure.value}{failure.value.__cause__}"


def test_postgresql_takes_the_schema_unchanged():
    for table in metadata.sorted_tables:
        made = str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "CREATE TABLE" in made
