"""The instructor's door: a password, few tries, and visits that end.

Passwords and the tokens of visits are kept as hashes only, and compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LASTS = 8 * 3600
"""Seconds until a visitor has to say the password again."""

LONGEST_PASSWORD = 1000

_MOST_VISITS, _MOST_CLIENTS = 32, 1024
_FORGOTTEN = 900
"""Seconds after a wait from which on failures no longer count."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Visit:
    """One that was let in: ``form_key`` stands in each of its forms, ``until`` is when it ends."""

    client: str
    form_key: str
    until: float


@dataclass(frozen=True, slots=True)
class Knock:
    """What became of a password: the ``token`` of a visit, or "" and the seconds to ``wait``."""

    token: str
    wait: int = 0


@dataclass(slots=True)
class Tries:
    """Failures in a row, and when the next try is looked at.

    The first ``free`` cost no waiting, each further one twice the last, at most ``longest`` seconds.
    """

    free: int
    longest: int
    failed: int = 0
    until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a try is looked at."""
        if now > self.until + _FORGOTTEN:
            self.failed = 0
        return max(0.0, self.until - now)

    def fail(self, now: float) -> None:
        """Count a failure."""
        self.failed += 1
        over = self.failed - self.free
        self.until = now + (min(2 ** min(over, 20), self.longest) if over > 0 else 0)


class Door:
    """Lets in who knows the password; threads may share it."""

    def __init__(self, password: str, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` tells the time in seconds. The password itself is not kept."""
        self._key = secrets.token_bytes(32)
        self._password = self._digest(password)
        self._now = now
        self._lock = threading.Lock()
        self._everyone = Tries(free=30, longest=60)
        self._clients: OrderedDict[str, Tries] = OrderedDict()
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()

    def knock(self, client: str, password: str) -> Knock:
        """Try a password; while a client or all together have to wait none is looked at."""
        with self._lock:
            now, tries = self._now(), self._tries(client)
            if wait := max(tries.wait(now), self._everyone.wait(now)):
                return Knock("", int(wait) + 1)
            right = hmac.compare_digest(self._digest(password[:LONGEST_PASSWORD]), self._password)
            if not right:
                tries.fail(now)
                self._everyone.fail(now)
                return Knock("", int(max(tries.wait(now), self._everyone.wait(now))))
            del self._clients[client]
            token = secrets.token_urlsafe(32)
            self._visits[self._digest(token)] = Visit(
                client, secrets.token_urlsafe(32), now + LASTS
            )
            while len(self._visits) > _MOST_VISITS:
                self._visits.popitem(last=False)
            return Knock(token)

    def visit(self, client: str, token: str) -> Visit | None:
        """The visit of a token, None for one that has ended or that another client was given."""
        with self._lock:
            now = self._now()
            for name in [name for name, visit in self._visits.items() if visit.until <= now]:
                del self._visits[name]
            visit = self._visits.get(self._digest(token))
            return visit if visit is not None and visit.client == client else None

    def leave(self, token: str) -> None:
        """End a visit."""
        with self._lock:
            self._visits.pop(self._digest(token), None)

    def _tries(self, client: str) -> Tries:
        """A client's tries; of more clients than can be counted the oldest is forgotten."""
        tries = self._clients.setdefault(client, Tries(free=3, longest=900))
        self._clients.move_to_end(client)
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return tries

    def _digest(self, text: str) -> bytes:
        said = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).digest()


def client_of(host: str) -> str:
    """Whose tries count together: an address, of IPv6 the network of one subscriber."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:100]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
