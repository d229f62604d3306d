import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pdfs

pytest.register_assert_rewrite("tests.workshop", "tests.browsing")

from tests.browsing import browser, server, shelf, visit  # noqa: E402, F401

ROOT = Path(__file__).parents[1]
os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's client is imported: no test asks a hub


class Command:
    """The product's commands, run as a user runs them, over one corpus and one index."""

    def __init__(self, corpus: Path, index: Path, **settings: str) -> None:
        self.corpus, self.index, self.settings = corpus, index, settings

    @property
    def environ(self) -> dict[str, str]:
        return os.environ | {
            "RAG_CORPUS": str(self.corpus),
            "RAG_INDEX": str(self.index),
            **{f"RAG_{name.upper()}": value for name, value in self.settings.items()},
        }

    def __call__(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"rag.{module}", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="session")
def readings(tmp_path_factory):
    """The commands over an index of the two real readings."""
    folder = pdfs.SHARED / "readings"
    if not folder.is_dir():
        pytest.skip("the readings are not here")
    command = Command(folder, tmp_path_factory.mktemp("readings") / "index")
    done = command("index")
    assert done.returncode == 0, done.stderr
    return command


@pytest.fixture(scope="session")
def harbour(tmp_path_factory):
    """The commands over an index of two small PDFs that the tests build."""
    folder = tmp_path_factory.mktemp("harbour")
    (folder / "corpus").mkdir()
    pdfs.two_columns(folder / "corpus" / "harbour.pdf")
    pdfs.table_over_a_page_break(folder / "corpus" / "losses.pdf")
    command = Command(folder / "corpus", folder / "index")
    done = command("index")
    assert done.returncode == 0, done.stderr
    return command


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    shutil.copy(ROOT / "corpus" / "readings.toml", folder)
    return folder
