import pytest

from rag.web.door import LASTS, Door, client_of


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def door(clock):
    return Door("salt herring", clock)


def test_the_password_opens_and_nothing_like_it_does(door):
    for wrong in ("salt herrinG", "salt herring ", ""):
        assert door.knock("a", wrong).token == ""
    assert door.visit("b", door.knock("b", "salt herring").token) is not None


def test_a_password_is_the_same_however_its_accents_are_typed():
    assert Door("caf\u00e9").knock("a", "cafe\u0301").token


def test_wrong_tries_wait_longer_and_longer_and_none_is_looked_at_meanwhile(door, clock):
    waits = []
    for _ in range(6):
        waits.append(door.knock("a", "wrong").wait)
        assert waits[-1] == 0 or door.knock("a", "salt herring").token == ""
        clock.now += waits[-1]
    assert waits == [0, 0, 0, 2, 4, 8]
    assert door.knock("a", "salt herring").token


def test_fifty_tries_at_once_are_four_and_another_client_is_not_kept_out(door):
    knocks = [door.knock("a", f"wrong {number}") for number in range(50)]
    assert sum(knock.wait == 0 for knock in knocks) == 3
    assert not any(knock.token for knock in knocks)
    assert door.knock("a", "salt herring").token == ""
    assert door.knock("b", "salt herring").token


def test_many_clients_together_are_slowed_too(door):
    knocks = [door.knock(str(number), "wrong") for number in range(5000)]
    assert sum(knock.wait == 0 for knock in knocks) == 30
    assert len(door._clients) <= 1024


def test_failures_are_forgotten_after_a_while(door, clock):
    for _ in range(4):
        door.knock("a", "wrong")
    clock.now += 1000
    assert door.knock("a", "wrong").wait == 0


def test_a_visit_ends_by_itself_by_leaving_and_when_there_are_too_many(door, clock):
    first, second = (door.knock("a", "salt herring").token for _ in range(2))
    door.leave(first)
    assert door.visit("a", first) is None
    assert door.visit("a", second) is not None
    for _ in range(40):
        door.knock("a", "salt herring")
    assert door.visit("a", second) is None
    last = door.knock("a", "salt herring").token
    clock.now += LASTS
    assert door.visit("a", last) is None
    assert len(door._visits) == 0


def test_a_token_opens_for_none_but_the_client_it_was_given_to(door):
    token = door.knock("a", "salt herring").token
    assert door.visit("b", token) is None
    for forged in ("", "x", token[:-1], token + "x", "\ud800"):
        assert door.visit("a", forged) is None


def test_neither_password_nor_token_can_be_read_from_the_door(door):
    token = door.knock("a", "salt herring").token
    held = repr({name: getattr(door, name) for name in vars(door)})
    assert "salt" not in held
    assert token not in held


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_subscriber_are_one_client(host, client):
    assert client_of(host) == client
