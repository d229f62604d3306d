"""The README names everything that can be set."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import rag
from rag.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = [line for line in README.splitlines() if line.startswith("|")]
CODE = Path(rag.__file__).parent
PASSWORD = "RAG_INSTRUCTOR_PASSWORD"  # no field, so that no settings can show it
KINDS = ("parsers", "embedders", "stores", "retrievers", "rerankers", "llms")
FILES = [path for kind in KINDS for path in (CODE / kind).glob("*.py") if path.stem != "__init__"]


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_stands_in_the_table_with_its_default(field):
    (row,) = [row for row in ROWS if f"`RAG_{field.name.upper()}`" in row.split("|")[1]]
    names, defaults = row.split("|")[1:3]
    at = re.findall(r"`RAG_(\w+)`", names).index(field.name.upper())
    found = re.findall(r"`([^`]+)`", defaults)
    assert (found[at] if found else "") == str(field.default)


def test_the_password_stands_in_the_table_too():
    assert [row for row in ROWS if f"`{PASSWORD}`" in row.split("|")[1]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_of_a_plug_ins_folder_stands_beside_it(path):
    (row,) = [row for row in ROWS if f"`rag/{path.parent.name}/`" in row]
    assert path.stem in [name.replace("-", "_") for name in re.findall(r"`([\w-]+)`", row)]


def test_every_folder_of_plug_ins_is_looked_at():
    folders = {path.parent.name for path in CODE.glob("*/__init__.py")} - {
        "web",
        "library",
        "adapters",
    }
    assert folders == set(KINDS)


def test_the_readme_names_no_setting_that_does_not_exist():
    known = {f"RAG_{field.name.upper()}" for field in fields(Settings)} | {PASSWORD}
    assert set(re.findall(r"RAG_[A-Z_]+\b", README)) <= known
