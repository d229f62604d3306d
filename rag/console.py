"""What the commands share: arguments, question files, results and failures on a terminal.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong
usage, 3 done but a reading was left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.engine import Engine
from rag.errors import QuestionError, RagError, SettingsError
from rag.records import Record
from rag.settings import Settings

if TYPE_CHECKING:
    from tqdm import tqdm

DONE, FAILED, USAGE, LEFT_OUT = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the command line or of a question file, and those it follows."""

    question_id: str
    question: str
    readings: frozenset[str] | None
    earlier: tuple[str, ...] = ()

    def meant(self, engine: Engine) -> str:
        """The question that is asked in the end. Raises QuestionError if it cannot be asked."""
        return engine.meant(self.question, self.earlier)


def say(line: str) -> None:
    """A message for the one at the terminal."""
    print(_inert(line), file=sys.stderr, flush=True)  # noqa: T201


def show(text: str) -> None:
    """A result."""
    print(_inert(text), flush=True)  # noqa: T201


def show_json(value: object) -> None:
    """A result as JSON on one line, in which nothing but letters that are seen stands as such."""
    text = json.dumps(value, ensure_ascii=False)
    # What separates lines elsewhere than on a terminal is not printable either.
    line = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    print(line, flush=True)  # noqa: T201


def _inert(text: str) -> str:
    """The text without what a terminal would obey, or what turns the order of letters."""
    return "".join(c for c in text if c in "\n\t" or _is_seen(c))


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter)[0] != "C"


def expect_folder(path: Path | None) -> None:
    """Refuse, before the work, a result's file that cannot be written. Raises SettingsError."""
    if path is not None and not path.absolute().parent.is_dir():
        raise SettingsError(f"{path} cannot be written: its folder does not exist.")


def write(path: Path, text: str) -> None:
    """A result's file. Raises SettingsError where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error


def run(command: Callable[[], int]) -> int:
    """The command's exit code; what it cannot do is said in one sentence."""
    try:
        return command()
    except RagError as error:
        say(str(error))
        return USAGE if isinstance(error, QuestionError | SettingsError) else FAILED
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not flush into the pipe.
        sys.stdout = None
        return DONE
    except KeyboardInterrupt:
        say("Stopped.")
        return FAILED


def question_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``search`` and ``ask`` have in common."""
    parser.add_argument("question", nargs="?", help="the question, in quotation marks")
    parser.add_argument(
        "--reading", action="append", metavar="ID", help="search this reading only (repeatable)"
    )
    parser.add_argument(
        "--questions",
        type=Path,
        metavar="FILE.jsonl",
        help='many questions: one {"id", "question", "filter"?, "earlier"?} a line; "earlier" are '
        'the questions before it; or "first" and "followup" instead',
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def questions(arguments: argparse.Namespace) -> Iterator[Asked]:
    """The questions that were given, in their order. Raises SettingsError for a wrong file."""
    chosen = frozenset(arguments.reading) if arguments.reading else None
    if (arguments.question is None) == (arguments.questions is None):
        raise SettingsError("Give one question in quotation marks, or --questions FILE.jsonl.")
    if arguments.questions is None:
        yield Asked("1", arguments.question, chosen)
        return
    for number, line in enumerate(lines(arguments.questions), 1):
        if line.strip():
            yield _asked(arguments.questions, number, line, chosen)


def lines(path: Path) -> list[str]:
    """The lines of a text file. Raises SettingsError for one that cannot be read."""
    try:
        # Not splitlines: it also breaks at characters that may stand inside a JSON text.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from error


def _asked(path: Path, number: int, line: str, chosen: frozenset[str] | None) -> Asked:
    try:
        item: dict[str, Any] = json.loads(line)
        question, earlier = _conversation(item)
        only = item.get("filter")
        if not isinstance(question, str):
            raise TypeError(f"the question is {json.dumps(question)}")
        if not (isinstance(earlier, list) and all(isinstance(one, str) for one in earlier)):
            raise TypeError(f"what was asked before is {json.dumps(earlier)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f'{path}, line {number}: not an object with a "question" ({error}).'
        ) from error
    readings = frozenset([str(only)]) if only else chosen
    return Asked(str(item.get("id", number)), question, readings, tuple(earlier))


def _conversation(item: dict[str, Any]) -> tuple[object, object]:
    """A line's question and the list of those before it. Raises KeyError where one is missing."""
    if "followup" in item:
        return item["followup"], [item["first"]]
    return item["question"], item.get("earlier") or []


def answer_all(
    arguments: argparse.Namespace,
    answer: Callable[[Asked], Record],
    as_text: Callable[[Record], str],
) -> int:
    """Answer each question and print it; in a file, one that fails does not stop the others."""
    failed = False
    for asked in questions(arguments):
        record: Record = {"id": asked.question_id, "question": asked.question}
        try:
            record |= answer(asked)
        except RagError as error:
            if arguments.questions is None:
                raise
            failed = True
            record |= {"error": str(error), "passages": []}
            say(f"{asked.question_id}: {error}")
        if arguments.json:
            show_json(record)
        else:
            meant = f"Asked: {record['asked']}\n\n" if "asked" in record else ""
            show(meant + as_text(record))
    return FAILED if failed else DONE


def load_settings(**arguments: object) -> Settings:
    """Settings from the environment and the arguments that were given."""
    return Settings.load(None, **arguments)


class ProgressBars:
    """One bar a stage on stderr; on no terminal, nothing."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done; 0 means that the total is not known."""
        from tqdm import tqdm

        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(
                total=total or None,
                desc=f"{stage:>8}",
                file=sys.stderr,
                leave=True,
                disable=None,
                bar_format="{desc} {bar:30} {n_fmt}/{total_fmt} {elapsed}<{remaining}",
            )
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """End the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""
