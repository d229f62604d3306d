import pytest

from rag.parsers.liteparse import LiteparseParser
from tests import pdfs
from tests.true_tables import cells_found, cells_of, our_tables, path_of, true_tables


@pytest.mark.parametrize(
    ("name", "folder", "bar"),
    [("tables.json", "readings", 0.97), ("tables_papers.json", "papers", 0.95)],
)
def test_the_true_cells_stand_in_their_row_and_under_their_head(name, folder, bar):
    if not (pdfs.SHARED / folder).is_dir():
        pytest.skip(f"the {folder} are not here")
    true = true_tables(name)
    pages = {t["reading"]: LiteparseParser().read(path_of(t["reading"])) for t in true}
    found = {
        (t["reading"], t["label"]): cells_found(t, our_tables(pages[t["reading"]][t["page"] - 1]))
        for t in true
    }
    assert sum(found.values()) >= bar * sum(map(cells_of, true)), found
