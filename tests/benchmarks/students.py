"""Prints how the page serves many students at once.

    RAG_INDEX=FOLDER RAG_CORPUS=FOLDER python -m tests.benchmarks.students QUESTIONS.jsonl
        [--students 50] [--minutes 10]

Starts ``python app.py``, lets one student ask each question alone, and then many, each in a session
of their own, for some minutes: every one asks the next question as soon as the last is answered, in
an order of their own. Given are the median and the 95th percentile of what a student waits, also as
multiples of one answer alone; errors; answers that differ from the one given alone; and the memory
that the program holds, before and in each tenth of the time.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from gradio_client import Client
from gradio_client.exceptions import AppError

from rag import console
from rag.questions import parse_questions
from tests.benchmarks.memory import resident
from tests.browsing import Program

_SAMPLES = 10


class Student(threading.Thread):
    """One who asks until the time is over."""

    def __init__(self, address: str, questions: Sequence[str], seed: int, until: float) -> None:
        super().__init__(daemon=True)
        self._client = Client(address, verbose=False)
        self._questions, self._chance, self._until = questions, random.Random(seed), until
        self.waited: list[float] = []
        self.answers: list[tuple[str, str]] = []
        self.errors: list[str] = []

    def run(self) -> None:
        """Ask, wait, ask again."""
        while time.monotonic() < self._until:
            question = self._chance.choice(self._questions)
            started = time.perf_counter()
            try:
                answer = said(self._client, question)
            except Exception as error:  # whatever it is, it is counted and shown
                self.errors.append(f"{type(error).__name__}: {error}")
                continue
            self.waited.append(time.perf_counter() - started)
            self.answers.append((question, answer))


def said(client: Client, question: str) -> str:
    """The answer's text."""
    return str(client.predict(question, None, api_name="/ask")["answer"])


def until_ready(client: Client) -> None:
    """Wait until the readings are open."""
    for _ in range(600):
        try:
            client.predict(api_name="/readings")
        except AppError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The readings do not open.")


def alone(client: Client, questions: Sequence[str]) -> tuple[dict[str, str], float]:
    """What each question is answered, and the median of a second asking, in seconds."""
    answers = {question: said(client, question) for question in questions}
    waited = []
    for question in questions:
        started = time.perf_counter()
        said(client, question)
        waited.append(time.perf_counter() - started)
    return answers, median(waited)


def main() -> int:
    """Start the page, let them ask, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("questions", type=Path, metavar="QUESTIONS.jsonl")
    parser.add_argument("--students", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    items = parse_questions(console.lines(arguments.questions), str(arguments.questions))
    questions = [item.question for item in items]
    settings = console.load_settings()
    program = Program(settings.corpus, settings.index).start()
    try:
        client = Client(program.address, verbose=False)
        until_ready(client)
        answers, once = alone(client, questions)
        memory = [resident(program.process)]
        seconds = arguments.minutes * 60
        until = time.monotonic() + seconds
        students = [
            Student(program.address, questions, seed, until) for seed in range(arguments.students)
        ]
        for student in students:
            student.start()
        for _ in range(_SAMPLES):
            time.sleep(seconds / _SAMPLES)
            memory.append(resident(program.process))
        for student in students:
            student.join(120)
    finally:
        program.kill()
    waited = [one for student in students for one in student.waited]
    errors = [one for student in students for one in student.errors]
    wrong = sum(answers[q] != answer for student in students for q, answer in student.answers)
    usual, slow = median(waited), quantiles(waited, n=20)[-1]
    print(f"{arguments.students} students, {arguments.minutes:g} min, {len(waited)} answers")
    print(f"one answer alone, warm: {once:.3f} s")
    print(f"waited: median {usual:.2f} s ({usual / once:.0f} times), ", end="")
    print(f"95th percentile {slow:.2f} s ({slow / once:.0f} times)")
    print(f"errors: {len(errors)} {sorted(set(errors))[:3]}; other answers than alone: {wrong}")
    print("memory, MB:", *(f"{held:.0f}" for held in memory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
