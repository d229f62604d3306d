import json
import re
import subprocess
import sys
import time
import unicodedata

import pytest

from tests import pdfs
from tests.conftest import ROOT, Command

QUESTIONS = pdfs.SHARED / "questions" / "dev.jsonl"


def records(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_question_is_answered_with_the_cited_words(harbour):
    (record,) = records(harbour("ask", "Who built the harbour?", "--json"))
    assert "masons from Genoa" in record["answer"]
    assert not record["abstained"]
    first = record["citations"][0]
    assert first["quote"] == "The harbour was built by masons from Genoa in 1311."
    assert (first["reading"], first["pages"], first["status"]) == ("harbour", [1], "quoted")
    assert all(box["x0"] < box["x1"] < 300 for box in first["boxes"])


def test_a_cell_of_a_table_is_answered_with_its_row_and_head(harbour):
    (record,) = records(harbour("ask", "What was the loss of Ship05?", "--json"))
    assert "Ship05 — Loss: 35.5%" in record["answer"]


def test_what_the_readings_do_not_say_is_declined(harbour):
    (record,) = records(harbour("ask", "What is the boiling point of tungsten?", "--json"))
    assert record["abstained"]
    assert "did not find" in record["answer"]
    assert record["citations"] == []
    assert "nearest" not in record["answer"], "what a search finds for any question is not near"
    assert record["passages"] == []


def test_declining_tells_what_was_searched_which_words_are_missing_and_what_is_near(harbour):
    (record,) = records(harbour("ask", "Which zeppelin was lost at the pier?", "--json"))
    assert record["abstained"]
    said = record["answer"]
    assert "“zeppelin” stands nowhere in them" in said
    nearest = record["passages"][0]
    assert f"in {nearest['title']}, p. {nearest['pages'][0]}" in said
    assert nearest["section"].split(" > ")[-1] in said
    assert "does not say" not in said


def test_a_filter_limits_the_search_before_ranking(harbour):
    done = harbour("search", "Who built the harbour?", "--reading", "losses", "--json")
    (record,) = records(done)
    assert record["passages"]
    assert {p["reading"] for p in record["passages"]} == {"losses"}


def test_a_file_of_questions_is_answered_line_by_line_in_order(harbour, tmp_path):
    file = tmp_path / "q.jsonl"
    lines = [
        {"id": "b", "question": "Who built the harbour?", "filter": "harbour"},
        {"id": "a", "question": "How many boats are in the fleet?"},
        {"id": "c", "question": "   "},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    done = harbour("ask", "--questions", str(file), "--json")
    found = records(done)
    assert [r["id"] for r in found] == ["b", "a", "c"]
    assert "forty boats" in found[1]["answer"]
    assert "empty" in found[2]["error"]
    assert done.returncode == 1


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_followup_is_asked_as_it_is_meant_and_both_are_told(harbour, tmp_path, command):
    file = tmp_path / "q.jsonl"
    lines = [
        {"id": "a", "first": "Who built the harbour?", "followup": "When did they do that?"},
        {"id": "b", "earlier": ["How big is the fleet?"], "question": "Who built the harbour?"},
        {"id": "c", "earlier": ["Who built it?", "x" * 20_000], "question": "why?"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    first, second, third = records(harbour(command, "--questions", str(file), "--json"))
    assert first["question"] == "When did they do that?"
    assert first["asked"] == "When did they do that (built the harbour)?"
    assert "1311" in first["passages"][0]["text"]
    assert second["question"] == "Who built the harbour?"
    assert "asked" not in second
    assert "characters" in third["error"]


def test_on_a_terminal_a_followup_is_shown_as_it_was_asked(harbour, tmp_path):
    file = tmp_path / "q.jsonl"
    line = {"first": "Who built the harbour?", "followup": "When did they do that?"}
    file.write_text(json.dumps(line), encoding="utf-8")
    done = harbour("search", "--questions", str(file))
    assert done.stdout.startswith("Asked: When did they do that (built the harbour)?")


@pytest.mark.parametrize(
    "line",
    [{"followup": "why?"}, {"first": 1, "followup": "x?"}, {"question": "x?", "earlier": "y?"}],
)
def test_a_line_without_a_conversation_is_refused_with_its_number(harbour, tmp_path, line):
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps(line), encoding="utf-8")
    done = harbour("search", "--questions", str(file))
    assert done.returncode == 2
    assert "line 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask", ""], 2),
        (["ask", "x" * 20_000], 2),
        (["ask", "港口是谁建的？"], 0),
        (["ask", "who\x1b[31m built\x07 it?"], 0),
        (["ask", "who?", "--reading", "nonsense"], 1),
        (["search", "who built it?", "--k", "0"], 2),
        (["search", "who built it?", "--k", "1000000"], 2),
        (["search", "who built it?", "--k", "many"], 2),
        (["ask"], 2),
        (["ask", "--questions", "/nowhere.jsonl"], 2),
        (["ask", "who?", "--llm", "nonsense"], 1),
    ],
)
def test_bad_input_gets_a_sentence_and_never_a_traceback(harbour, arguments, code):
    done = harbour(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() or done.stderr.strip()
    assert "\x1b" not in done.stdout


def test_without_an_index_the_command_says_what_to_run(tmp_path):
    done = Command(tmp_path, tmp_path / "none")("ask", "who?")
    assert done.returncode == 1
    assert "python -m rag.index" in done.stderr


def test_a_bad_pdf_is_named_and_the_rest_goes_on(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    pdfs.two_columns(corpus / "good.pdf")
    pdfs.image_only(corpus / "scan.pdf")
    done = Command(corpus, tmp_path / "index")("index", "--json")
    assert done.returncode == 3
    (report,) = records(done)
    assert report["readings"] == ["good"]
    assert "scan" in report["left_out"]


def test_the_health_of_the_index_names_each_reading(harbour):
    done = harbour("index", "--check", "--json")
    (report,) = records(done)
    assert [r["reading_id"] for r in report["readings"]] == ["harbour", "losses"]
    assert all(r["longest_chunk_tokens"] <= 256 for r in report["readings"])


def test_importing_the_package_is_quick_and_loads_nothing_heavy():
    code = (
        "import time, sys; t = time.perf_counter(); import rag, rag.types, rag.settings;"
        "heavy = {'torch', 'llama_index', 'faiss', 'gradio', 'numpy'} & set(sys.modules);"
        "print(time.perf_counter() - t, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    seconds, heavy = done.stdout.strip().split(" ", 1)
    assert heavy == "set()"
    assert float(seconds) < 0.5


def test_an_answer_needs_neither_torch_nor_llama_index(harbour):
    code = (
        "import sys; from rag import ask; ask.main(['Who built the harbour?']);"
        "assert not {'torch', 'llama_index', 'sentence_transformers', 'gradio'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=harbour.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Genoa" in done.stdout


def test_building_again_with_nothing_changed_is_quick(readings, tmp_path):
    again = Command(readings.corpus, tmp_path / "index")
    started = time.perf_counter()
    first = again("index", "--json")
    full = time.perf_counter() - started
    started = time.perf_counter()
    second = again("index", "--json")
    assert records(second)[0]["unchanged"]
    assert records(first)[0]["chunks"] == records(second)[0]["chunks"]
    assert time.perf_counter() - started < 0.1 * full


@pytest.fixture(scope="module")
def dev_answers(readings):
    return records(readings("ask", "--questions", str(QUESTIONS), "--json"))


def squashed(text):
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def stands(quote, pages):
    """Whether the quote is on the page, or runs from the end of one into the next."""
    if len(pages) == 1:
        return quote in pages[0]
    return any(
        quote[:at] in pages[0] and stands(quote[at:], pages[1:]) for at in range(1, len(quote))
    )


def test_every_quote_stands_on_its_page_letter_for_letter(readings, dev_answers):
    from pypdf import PdfReader

    pages = {
        pdf.stem: [squashed(page.extract_text()).replace("-", "") for page in PdfReader(pdf).pages]
        for pdf in readings.corpus.glob("*.pdf")
    }
    # A word broken at a line's end is whole in the quote: hyphens are set aside on both sides.
    citations = [c for record in dev_answers for c in record["citations"]]
    assert len(citations) > 100
    for citation in citations:
        there = [pages[citation["reading"]][n - 1] for n in citation["pages"]]
        assert stands(squashed(citation["quote"]).replace("-", ""), there), citation


def test_retrieval_and_answers_reach_their_bars(readings, dev_answers, tmp_path):
    results = tmp_path / "results.jsonl"
    results.write_text("\n".join(map(json.dumps, dev_answers)), encoding="utf-8")
    score = [sys.executable, str(pdfs.SHARED / "tools" / "score.py"), str(QUESTIONS), str(results)]
    done = subprocess.run([*score, "--json"], capture_output=True, text=True)
    figures = json.loads(done.stdout)["all"]
    assert figures["page@1"] >= 0.78
    assert figures["page@5"] >= 0.95
    assert figures["text@5"] >= 0.92
    assert figures["key_in_answer"] >= 0.76
    assert figures["cite_page_precision"] >= 0.8


def test_a_question_that_is_no_text_is_wrong_usage(readings, tmp_path):
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"id": "1", "question": null}\n', encoding="utf-8")
    done = readings("search", "--questions", str(asked), "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 1" in done.stderr


def test_a_part_of_a_retriever_is_none_by_itself(readings):
    from rag.assembly import open_engine
    from rag.errors import PluginError
    from rag.settings import Settings

    with pytest.raises(PluginError, match="hybrid, bm25 or dense"):
        open_engine(Settings(index=str(readings.index), retriever="late"))
