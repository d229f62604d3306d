import pytest

from rag.chunking import chunk_pages
from rag.parsers.liteparse import LiteparseParser
from tests import pdfs
from tests.test_chunking import READING, count
from tests.true_tables import cells_found, cells_of, our_tables, path_of, true_tables


def read(path):
    return LiteparseParser().read(path)


def rows(*pages):
    """Each row as {head: text}, or as the text alone where it has one cell."""
    found = [row for page in pages for table in our_tables(page) for row in table]
    return [{c.head: c.text for c in row} if len(row) > 1 else row[0].text for row in found]


@pytest.mark.parametrize(
    ("name", "folder", "bar"),
    [("tables.json", "readings", 0.99), ("tables_papers.json", "papers", 0.99)],
)
def test_the_true_cells_stand_in_their_row_and_under_their_head(name, folder, bar):
    if not (pdfs.SHARED / folder).is_dir():
        pytest.skip(f"the {folder} are not here")
    true = true_tables(name)
    pages = {t["reading"]: read(path_of(t["reading"])) for t in true}
    found = {
        (t["reading"], t["label"]): cells_found(t, our_tables(pages[t["reading"]][t["page"] - 1]))
        for t in true
    }
    assert sum(found.values()) >= bar * sum(map(cells_of, true)), found


def test_a_head_without_a_rule_reaches_over_the_columns_it_is_centred_on(tmp_path):
    xs = [20, 60, 80, 100, 120, 140, 160]
    data = [[f"Pier {n}", *(f"{n}.{k}" for k in range(6))] for n in range(1, 5)]
    heads = [(74, 22, "Summer tide"), (134, 22, "Winter tide")]
    lower = [["Place", "Low", "Mean", "High", "Low", "Mean", "High"]]
    rules = [(18, 175, 21), (18, 175, 34), (18, 175, 60)]
    page = [*heads, *pdfs.rows_at(28, xs, lower), *pdfs.rows_at(35, xs, data), *rules]
    (first, *_) = rows(*read(pdfs.placed(tmp_path / "a.pdf", page)))
    assert first == {
        "Place": "Pier 1",
        "Summer tide Low": "1.0",
        "Summer tide Mean": "1.1",
        "Summer tide High": "1.2",
        "Winter tide Low": "1.3",
        "Winter tide Mean": "1.4",
        "Winter tide High": "1.5",
    }


def group_table(path):
    xs = [20, 50, 100, 130]
    body = [
        (["", "Cod", "11", "12"], 30),
        (["North", "Eel", "21", "22"], 36),
        (["", "Ray", "31", "32"], 42),
        (["", "Cod", "41", "42"], 52),
        (["South", "", "", ""], 55),
        (["", "Eel", "51", "52"], 58),
    ]
    page = [(x, 22, t) for x, t in zip(xs[1:], ["Fish", "Sold", "Eaten"], strict=True)]
    for cells, y in body:
        page += pdfs.rows_at(y, xs, [cells])
    return pdfs.placed(path, [*page, *((18, 150, y) for y in (21, 29, 50, 66))])


def test_a_name_that_holds_for_several_rows_stands_above_them(tmp_path):
    found = rows(*read(group_table(tmp_path / "a.pdf")))
    assert [row if isinstance(row, str) else row["Fish"] for row in found] == [
        "North",
        "Cod",
        "Eel",
        "Ray",
        "South",
        "Cod",
        "Eel",
    ]


def test_each_row_is_found_by_the_name_of_its_group(tmp_path):
    found = chunk_pages(READING, read(group_table(tmp_path / "a.pdf")), count, 256)
    context = {c.text: c.context.split("\n")[0] for c in found if "\n" not in c.text}
    assert context["Ray 31 32"] == "North"
    assert context["Cod 41 42"] == "South"


def test_lines_between_two_rules_are_one_row_of_wrapped_cells(tmp_path):
    xs = [20, 60, 120]
    lines = [
        (["Kind", "Strength", "Weakness"], 22),
        (["Oak", "Lasts for many", "Heavy"], 30),
        (["", "winters at sea", ""], 35),
        (["Pine", "Cheap", "Takes up wa-"], 43),
        (["", "", "ter and rots"], 48),
        (["Teak and", "Holds oil and", "Far away"], 56),
        (["rosewood", "needs no tar", ""], 61),
    ]
    page = [cell for cells, y in lines for cell in pdfs.rows_at(y, xs, [cells])]
    page += [(18, 150, y) for y in (21, 29, 42, 55, 68)]
    found = rows(*read(pdfs.placed(tmp_path / "a.pdf", page)))
    assert found == [
        {"Kind": "Oak", "Strength": "Lasts for many winters at sea", "Weakness": "Heavy"},
        {"Kind": "Pine", "Strength": "Cheap", "Weakness": "Takes up water and rots"},
        {
            "Kind": "Teak and rosewood",
            "Strength": "Holds oil and needs no tar",
            "Weakness": "Far away",
        },
    ]


def test_two_tables_side_by_side_keep_their_rows_and_captions(tmp_path):
    page = []
    for x, name in ((20, "Cod"), (110, "Eel")):
        cells = [["Year", "Sold"], *([str(1300 + n), f"{name}{n}"] for n in range(4))]
        page += [*pdfs.rows_at(22, [x, x + 40], cells), *((x - 2, x + 60, y) for y in (21, 28, 52))]
        page += [(x, 55, f"Table {1 if x == 20 else 2}: All the {name} sold here")]
    (read_page,) = read(pdfs.placed(tmp_path / "a.pdf", page))
    tables = [[[c.text for c in row] for row in table] for table in our_tables(read_page)]
    assert tables == [[[str(1300 + n), f"{name}{n}"] for n in range(4)] for name in ("Cod", "Eel")]
    captions = [(b.text, b.group) for b in read_page.blocks if b.kind == "caption"]
    assert captions == [
        ("Table 1: All the Cod sold here", 1),
        ("Table 2: All the Eel sold here", 2),
    ]


def test_a_table_that_goes_on_without_heads_keeps_those_of_the_page_before(tmp_path):
    ships = [list(ship) for ship in pdfs.SHIPS]
    xs = [22, 70, 120]
    first = pdfs.rows_at(200, xs, [["Ship", "Built", "Loss"], *ships[:6]])
    second = pdfs.rows_at(20, xs, ships[6:])
    rules = [[(20, 150, y) for y in (199, 206, 243)], [(20, 150, y) for y in (19, 57)]]
    found = read(pdfs.placed(tmp_path / "a.pdf", first + rules[0], second + rules[1]))
    assert rows(*found) == [dict(zip(["Ship", "Built", "Loss"], s, strict=True)) for s in ships]


def test_a_wide_space_in_one_line_makes_no_cell(tmp_path):
    xs = [20, 70, 110]
    cells = [["Ship", "Cargo", "Tons"], *([f"Ship{n}", "salted fish", f"{n}0"] for n in range(6))]
    page = pdfs.rows_at(22, xs, cells) + [(18, 130, y) for y in (21, 28, 64)]
    # The last row's cargo set with a space as wide as those between columns.
    page = [c for c in page if c[:2] != (70, 58)] + [(70, 58, "salted"), (84, 58, "fish")]
    found = rows(*read(pdfs.placed(tmp_path / "a.pdf", page)))
    assert {row["Cargo"] for row in found} == {"salted fish"}
