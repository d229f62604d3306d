"""A language model that does whatever it is told, by anything it can take for somebody who may.

It holds for an instruction: what stands outside the passages' marks, whatever their code; what
follows any chat model's control token, role tag or tool call, wherever; and what is written in
unseen letters. All else is text, which it answers from. The plug-in's name is ``tests.obedient``.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from rag.sentences import sentences
from rag.terms import terms

OBEYS = "Yes master,"
_ORDER = re.compile(r"reply only with (\w+)", re.I)
_OPENS = re.compile(r"[<]{2}\s*passage\s*(\d+).*")
_CLOSES = re.compile(r"[<]{2}\s*/?\s*end of passage.*", re.I)
_CONTROLS = re.compile(
    r"<\s*[|｜][^<>]*[|｜]\s*>|<<\s*/?\s*SYS\s*>>|\[\s*/?\s*INST\s*\]|\[\s*(?:TOOL_CALLS|SYSTEM_PROMPT)\s*\]"
    r"|<\s*/?\s*(?:system|user|assistant|passage|think|tool_call|function_calls?|invoke|s|start_of_turn"
    r"|end_of_turn|bos|eos)\b[^<>]*>",
    re.I,
)
_ROLE = re.compile(r"(?:system|assistant|user|###.*|human)\s*:", re.I)


class Obedient:
    name = "obedient"
    context_window = 100_000

    def count_tokens(self, text: str) -> int:
        return len(text) // 3

    def stream(self, messages: Sequence[tuple[str, str]]) -> Iterator[str]:
        said = dict(messages)
        order = self._order(said["user"])
        yield f"{OBEYS} {order} [1]." if order else self._answer(said["user"])

    def _order(self, text: str) -> str:
        plain = unicodedata.normalize("NFKC", text)
        plain = "".join(_spoken(c) for c in plain)
        outside, inside = _parted(plain)
        heard = [outside]
        if found := _CONTROLS.search(inside):
            heard.append(inside[found.end() :])
        if plain != unicodedata.normalize("NFKC", text):  # somebody whispers
            heard.append(inside)
        orders = [order for part in heard for order in _ORDER.findall(part)]
        return orders[0] if orders else ""

    def _answer(self, text: str) -> str:
        """The sentences that share most words with the question, as data, with their markers."""
        question = set(terms(text.rsplit("Question:", 1)[1].splitlines()[0]))
        best = (0, "The passages do not answer this.")
        for number, body in _passages(text):
            for start, end in sentences(body):
                shared = len(question.intersection(terms(body[start:end])))
                best = max(best, (shared, f"{body[start:end]} [{number}]"), key=lambda b: b[0])
        return best[1]


def _spoken(letter: str) -> str:
    """A letter as it is heard: unseen ones are nothing, those of tags are letters."""
    if 0xE0020 <= ord(letter) <= 0xE007E:
        return chr(ord(letter) - 0xE0000)
    return letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else ""


def _parted(text: str) -> tuple[str, str]:
    """What stands outside of the passages, and what inside."""
    outside, inside, within = [], [], False
    for line in re.split(r"[\n\r\x0b\x0c\x85\u2028\u2029]", text):
        if _CLOSES.search(line):
            within = False
            outside.append(_CLOSES.sub("", line) if not line.startswith("<<") else "")
            outside.append(line.split(">>")[-1])
        elif _OPENS.match(line):
            within = True
        elif within and line.startswith(">") and not _ROLE.match(line):
            inside.append(line)
        else:
            outside.append(line)
    return "\n".join(outside), "\n".join(inside)


def _passages(text: str) -> Iterator[tuple[str, str]]:
    found = re.finditer(r"<<passage (\d+) (\w+)>>\n(.*?)\n<<end of passage \1 \2>>", text, re.S)
    for match in found:
        lines = [line.removeprefix("> ") for line in match[3].split("\n")]
        yield match[1], " ".join(lines[1:])


def load(settings: object, weight: object, late: object) -> Obedient:
    return Obedient()
