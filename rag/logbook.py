"""The log of questions, in SQLite or any database of SQLAlchemy's.

The schema has types that every database has: PostgreSQL serves it unchanged. What is deleted is gone:
SQLite overwrites it, and the file is rewritten without it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from rag.errors import LogFailure
from rag.log import Entry, Thumb, Touched, touched
from rag.types import Answer

LONGEST_REASON = 1000
"""Characters of what someone thinks of an answer."""

_LONGEST_SECTION = 500

metadata = sa.MetaData()
entries = sa.Table(
    "entry",
    metadata,
    sa.Column("entry_id", sa.String(32), primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False, index=True),
    sa.Column("session", sa.String(16), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("readings", sa.JSON, nullable=False),
    sa.Column("abstained", sa.Boolean, nullable=False),
    sa.Column("llm", sa.String(200), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("thumb", sa.SmallInteger, nullable=False, default=0),
    sa.Column("reason", sa.Text, nullable=False, default=""),
)
places = sa.Table(
    "touched",
    metadata,
    sa.Column("entry_id", sa.ForeignKey("entry.entry_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reading", sa.String(200), nullable=False),
    sa.Column("page", sa.Integer, nullable=False),
    sa.Column("section", sa.String(_LONGEST_SECTION), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Logbook:
    """Keeps questions for some days; threads may share it."""

    def __init__(self, place: str, days: int, now: Callable[[], datetime] = _now) -> None:
        """``place`` is a file's path or a database's URL; ``now`` tells the time in UTC.

        Raises LogFailure for a place that cannot be used. What is too old is deleted at once.
        """
        self.days = days
        self._now = now
        self._lock = threading.Lock()
        self._day: date | None = None
        self._salt = b""
        self._engine = _open(place)
        with self._failing("opened"):
            metadata.create_all(self._engine)
        self.forget()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def asked(self, answer: Answer, session: str) -> str:
        """Keep a finished answer's question; the entry's name, for ``judged``.

        ``session`` tells askers apart and is not kept. Raises LogFailure.
        """
        now = self._now()
        if self._turned(now):
            self.forget()
        entry_id = secrets.token_hex(16)
        row = {
            "entry_id": entry_id,
            "at": now.replace(minute=0, second=0, microsecond=0),
            "session": self._pseudonym(session),
            "question": _storable(answer.question),
            "readings": [reading.reading_id for reading in answer.searched],
            "abstained": answer.abstained,
            "llm": answer.llm[:200],
            "seconds": round(sum(seconds for _, seconds in answer.seconds), 2),
        }
        found = [
            {
                "entry_id": entry_id,
                "number": number,
                "reading": _storable(one.reading)[:200],
                "page": one.page,
                "section": _storable(one.section)[:_LONGEST_SECTION],
                "status": one.status,
            }
            for number, one in enumerate(touched(answer))
        ]
        with self._failing("written"), self._engine.begin() as connection:
            connection.execute(sa.insert(entries), row)
            if found:
                connection.execute(sa.insert(places), found)
        return entry_id

    def judged(self, entry_id: str, thumb: Thumb, reason: str) -> None:
        """Keep what the asker thought of an answer; an unknown entry is let pass.

        Raises LogFailure.
        """
        values = {"thumb": thumb, "reason": _storable(reason)[:LONGEST_REASON]}
        with self._failing("written"), self._engine.begin() as connection:
            connection.execute(
                sa.update(entries).where(entries.c.entry_id == entry_id).values(values)
            )

    def entries(self) -> list[Entry]:
        """All that is kept, oldest first. Raises LogFailure."""
        found: defaultdict[str, list[Touched]] = defaultdict(list)
        with self._failing("read"), self._engine.connect() as connection:
            order = sa.select(places).order_by(places.c.entry_id, places.c.number)
            for row in connection.execute(order):
                found[row.entry_id].append(Touched(row.reading, row.page, row.section, row.status))
            rows = connection.execute(
                sa.select(entries).order_by(entries.c.at, entries.c.entry_id)
            ).all()
        return [
            Entry(
                entry_id=row.entry_id,
                at=row.at,
                session=row.session,
                question=row.question,
                readings=tuple(row.readings),
                abstained=row.abstained,
                llm=row.llm,
                seconds=row.seconds,
                thumb=row.thumb,
                reason=row.reason,
                touched=tuple(found[row.entry_id]),
            )
            for row in rows
        ]

    def forget(self) -> int:
        """Delete what is older than the days it is kept for; how many questions that were.

        Raises LogFailure.
        """
        oldest = self._now() - timedelta(days=self.days)
        with self._failing("cleared"):
            with self._engine.begin() as connection:
                old = sa.select(entries.c.entry_id).where(entries.c.at < oldest)
                connection.execute(sa.delete(places).where(places.c.entry_id.in_(old)))
                gone = connection.execute(sa.delete(entries).where(entries.c.at < oldest)).rowcount
            if gone:
                self._rewrite()
        return gone

    def _rewrite(self) -> None:
        """Make the database give up the room of what was deleted, and SQLite its journal too."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM"))
            if self._engine.dialect.name == "sqlite":
                connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def _turned(self, now: datetime) -> bool:
        """Whether this is the first question of a day; yesterday's key is thrown away then."""
        with self._lock:
            day = now.date()
            turned = day != self._day
            if turned:
                self._day, self._salt = day, secrets.token_bytes(32)
            return turned

    def _pseudonym(self, session: str) -> str:
        """A name for an asker that nobody can trace back: its key is kept nowhere."""
        name = session.encode("utf-8", "replace")
        return hmac.new(self._salt, name, hashlib.sha256).hexdigest()[:16]

    @contextmanager
    def _failing(self, done: str) -> Iterator[None]:
        """What the database says is not repeated: it may hold the question or a password."""
        try:
            yield
        except SQLAlchemyError as error:
            raise LogFailure(
                f"The log of questions could not be {done} ({type(error).__name__}): "
                "check RAG_LOG and the room and rights at that place."
            ) from None


def _open(place: str) -> sa.Engine:
    url = place if "://" in place else _file_url(Path(place))
    try:
        # An error message of SQLAlchemy's must not repeat a question either.
        engine = sa.create_engine(url, hide_parameters=True)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise LogFailure(
            f"RAG_LOG is no file and no database that can be used ({type(error).__name__}): give a "
            "path, or a URL such as postgresql+psycopg://user@host/name."
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare)
    return engine


def _file_url(path: Path) -> sa.URL:
    """A SQLite file that only its owner may read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise LogFailure(f"RAG_LOG: {path} cannot be written ({error.strerror}).") from error
    return sa.URL.create("sqlite", database=str(path))


def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - of the database's own driver
    for pragma in ("journal_mode = WAL", "secure_delete = ON", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}")


def _storable(text: str) -> str:
    """What every database takes: no lone surrogate and no zero."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
