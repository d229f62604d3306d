from rag.errors import IndexFailure
from rag.web.room import Room


class Shop:
    """An index that is built anew, and engines that are their build's names."""

    def __init__(self):
        self.build = "first"
        self.broken = False

    def open(self):
        if self.broken:
            raise IndexFailure("The index is damaged.")
        return f"engine over {self.build}", None

    def room(self):
        room = Room(self.open, lambda progress: None, lambda: self.build)
        room._start()
        return room


def test_an_index_built_anew_is_opened_at_the_next_question():
    shop = Shop()
    room = shop.room()
    assert room.current().engine == "engine over first"
    shop.build = "second"
    assert room.current().engine == "engine over second"


def test_a_new_index_that_cannot_be_opened_leaves_the_old_one():
    shop = Shop()
    room = shop.room()
    shop.build, shop.broken = "second", True
    assert room.current().engine == "engine over first"
