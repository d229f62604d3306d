"""What a course is to cover: topics, as a syllabus lists them, one a line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import SettingsError
from rag.plain import plain

LONGEST_TOPIC = 500
"""Characters; what is longer is a description of a course and not a topic."""

MOST_TOPICS = 1000
"""More topics than a course has; a longer file is another file."""

_BULLET = re.compile(r"^(?:[-*•–—]|\(?\d{1,2}[.)])\s+")
_OBJECTIVE = re.compile(
    r"^(?:(?:students )?(?:will |should )?(?:be able to )?(?:critically )?"
    r"(?:analy[sz]e|apply|assess|compare|contrast|define|describe|discuss|evaluate|explain|identify"
    r"|illustrate|know|outline|recall|recognise|recognize|summari[sz]e|understand)"
    r"(?: and)?\s+)+",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic or learning objective as its author words it, on one line."""

    topic_id: str
    text: str

    @property
    def sought(self) -> str:
        """What is looked for: not that students are to "discuss" or "explain" it."""
        return _OBJECTIVE.sub("", self.text, count=1) or self.text


def parse_topics(lines: Sequence[str], name: str) -> list[Topic]:
    """The topics of a text file, a line each; lines without words and those with # are skipped.

    Raises SettingsError for no topic, too many, or one that is too long; ``name`` is the file's.
    """
    found: list[Topic] = []
    for number, line in enumerate(lines, 1):
        text = plain(line)
        if any(map(str.isalnum, text)) and not text.startswith("#"):
            found.append(_topic(number, _BULLET.sub("", text), str(len(found) + 1), name))
    return _counted(found, name)


def parse_records(lines: Sequence[str], name: str) -> list[Topic]:
    """The topics of a JSON-lines file, in order: one {"topic", "id"?} a line.

    Raises SettingsError, see ``parse_topics``, and for a line that is no such object.
    """
    found: list[Topic] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            text, topic_id = item["topic"], str(item.get("id", len(found) + 1))
            if not isinstance(text, str):
                raise TypeError(f"the topic is {json.dumps(text)}")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SettingsError(
                f'{name}, line {number}: not an object with a "topic" ({error}).'
            ) from error
        found.append(_topic(number, plain(text), topic_id, name))
    return _counted(found, name)


def _topic(number: int, text: str, topic_id: str, name: str) -> Topic:
    if not any(map(str.isalnum, text)):
        raise SettingsError(f"{name}, line {number}: a topic needs words.")
    if len(text) > LONGEST_TOPIC:
        raise SettingsError(
            f"{name}, line {number}: {len(text):,} characters are no topic; "
            f"give one of at most {LONGEST_TOPIC} a line."
        )
    return Topic(topic_id, text)


def _counted(topics: list[Topic], name: str) -> list[Topic]:
    if not topics:
        raise SettingsError(f"{name} holds no topic: write one a line.")
    if len(topics) > MOST_TOPICS:
        raise SettingsError(f"{name} holds {len(topics):,} topics; give at most {MOST_TOPICS:,}.")
    return topics
