"""Whether a student's questions may be kept, as the browser remembers it, and by what name.

The name is random and another one tomorrow; who refuses has none.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from rag.web.markup import fill

_NAME = re.compile(r"[0-9a-f]{32}")

_NOTICE = """<p class="note">Questions are kept, without names, for {days} day{s}, for the
instructor to see what is asked.</p>"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a student chose: ``kept`` unless refused. ``asker`` is the name of ``day``, ISO 8601."""

    kept: bool
    day: str
    asker: str

    @classmethod
    def read(cls, stored: object, today: date) -> Choice:
        """What a browser has stored, with the name for today; a new one where there is none."""
        found = stored if isinstance(stored, Mapping) else {}
        if found.get("kept") is False:
            return cls(False, "", "")
        asker, day = found.get("asker"), today.isoformat()
        if found.get("day") == day and isinstance(asker, str) and _NAME.fullmatch(asker):
            return cls(True, day, asker)
        return cls(True, day, secrets.token_hex(16))

    @property
    def stored(self) -> dict[str, object]:
        """What the browser is to store: of a refusal nothing but that."""
        if not self.kept:
            return {"kept": False}
        return {"kept": True, "day": self.day, "asker": self.asker}


def notice(days: int) -> Markup:
    """What the page says about the log; nothing where there is none."""
    return fill(_NOTICE, days=days, s="" if days == 1 else "s") if days else Markup()
