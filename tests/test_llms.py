"""The LLM plug-ins, with llama-index's own clients, against a server that may misbehave."""

import importlib
import threading
import time

import pytest

from rag.errors import LLMError, PluginError, SettingsError
from rag.llms import llama_bridge
from rag.settings import Settings
from tests import llm_server
from tests.llm_server import answer, cut, malformed, serving, silence, status

MESSAGES = [("system", "Be brief."), ("user", "Who built the harbour?")]
SAID = ["The harbour", " was built", " by masons", " from Genoa [1]."]
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
BACKENDS = {"openai": "/v1", "anthropic": "", "ollama": ""}


@pytest.fixture(scope="module")
def server():
    with serving() as room:
        yield room


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setattr(llama_bridge, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(llama_bridge, "_HEARTBEAT", 0.05)
    for key in KEYS.values():
        monkeypatch.setenv(key, "sk-secret")


MODELS = {"openai": "some-model", "anthropic": "claude-haiku-4-5", "ollama": "some-model"}


def load(name, **settings):
    model = MODELS.get(name, "some-model")
    return importlib.import_module(f"rag.llms.{name}").load(
        Settings(**{"llm": name, "llm_model": model} | settings), lambda term: 1.0, None
    )


@pytest.fixture(params=BACKENDS)
def llm(request, server):
    return load(request.param, llm_url=server.url + BACKENDS[request.param], llm_timeout=5)


def said(llm, messages=MESSAGES):
    return "".join(llm.stream(messages))


def test_an_answer_streams_piece_by_piece(llm, server):
    server.says(answer(SAID, pause=0.02))
    pieces = [piece for piece in llm.stream(MESSAGES) if piece]
    assert pieces == SAID
    (request,) = server.requests
    assert llm.name.split(":")[1] == request["model"]
    assert request["stream"] is True
    assert "Who built the harbour?" in str(request["messages"][-1]["content"])
    assert "Be brief." in str(request)


def test_the_key_is_sent_and_never_shown(llm, server):
    server.says(status(401))
    with pytest.raises(LLMError, match="401") as caught:
        said(llm)
    error = caught.value
    while error:
        assert "sk-secret" not in str(error)
        error = error.__cause__ or error.__context__
    assert len(server.requests) == 1, "a refused key is not tried again"
    if "ollama" not in llm.name:
        sent = server.headers[0]
        assert "sk-secret" in sent.get("authorization", "") + sent.get("x-api-key", "")
        assert KEYS[llm.name.split(":")[0]] in str(caught.value)


@pytest.mark.parametrize("code", [429, 500, 503, 529])
def test_a_busy_backend_is_asked_again(llm, server, code):
    server.says(status(code), status(code), answer(SAID))
    assert said(llm) == "".join(SAID)
    assert len(server.requests) == 3


def test_it_waits_as_long_as_the_backend_asks_for(llm, server):
    if llm.name.startswith("ollama"):
        pytest.skip("Ollama's errors do not carry headers")
    server.says(status(429, Retry_After="1"), answer(SAID))
    started = time.monotonic()
    assert said(llm) == "".join(SAID)
    assert time.monotonic() - started >= 1


def test_a_backend_that_stays_out_of_order_is_given_up(llm, server):
    server.says(status(500))
    with pytest.raises(LLMError, match="out of order"):
        said(llm)
    assert len(server.requests) == 4


@pytest.mark.parametrize(("code", "word"), [(400, "RAG_LLM_MODEL"), (404, "RAG_LLM_MODEL")])
def test_a_request_that_is_refused_is_not_repeated(llm, server, code, word):
    server.says(status(code))
    with pytest.raises(LLMError, match=word):
        said(llm)
    assert len(server.requests) == 1


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("name", BACKENDS)
def test_silence_ends_in_time_and_the_request_is_closed(server, name, headers):
    llm = load(name, llm_url=server.url + BACKENDS[name], llm_timeout=1)
    server.says(silence(headers=headers))
    started = time.monotonic()
    with pytest.raises(LLMError, match="RAG_LLM_TIMEOUT"):
        said(llm)
    assert time.monotonic() - started < 3
    assert server.hung_up.wait(3)


@pytest.mark.parametrize("headers", [True, False])
def test_whoever_leaves_while_it_is_silent_closes_the_request(llm, server, headers):
    server.says(silence(SAID[:1] if headers else (), headers=headers))
    pieces = llm.stream(MESSAGES)
    assert next(pieces) in {SAID[0], ""}
    time.sleep(0.2)
    started = time.monotonic()
    pieces.close()
    assert server.hung_up.wait(3)
    assert time.monotonic() - started < 1


def test_no_thread_is_left_behind(llm, server):
    server.says(silence(SAID[:1]))
    before = threading.active_count()
    pieces = llm.stream(MESSAGES)
    next(pieces)
    pieces.close()
    for _ in range(40):
        if threading.active_count() <= before:
            break
        time.sleep(0.05)
    assert threading.active_count() <= before


@pytest.mark.parametrize("politely", [True, False])
def test_a_cut_answer_is_no_answer(llm, server, politely):
    server.says(cut(SAID[:2], politely=politely))
    heard = []
    with pytest.raises(LLMError, match="was cut"):
        heard.extend(llm.stream(MESSAGES))
    assert "".join(heard) == "".join(SAID[:2])
    assert len(server.requests) == 1, "an answer that has begun is not asked for again"


def test_malformed_json_is_said_to_be_no_answer(llm, server):
    server.says(malformed(SAID[:1]))
    with pytest.raises(LLMError, match=r"no answer of a chat model|was cut"):
        said(llm)


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_answer_has_no_words(llm, server, text):
    server.says(answer([text] if text else []))
    assert said(llm).strip() == ""


def test_an_answer_that_reached_its_limit_is_not_whole(llm, server):
    server.says(answer(SAID, reason="limit"))
    with pytest.raises(LLMError, match="limit of tokens"):
        said(llm)


def test_a_hundred_thousand_tokens_end_when_the_reader_leaves(llm, server):
    server.says(answer(["word "] * 100_000))
    started = time.monotonic()
    pieces = llm.stream(MESSAGES)
    for _ in range(1000):
        next(pieces)
    pieces.close()
    assert server.hung_up.wait(10)
    assert time.monotonic() - started < 10


def test_a_backend_that_is_not_there_is_said_so(request):
    for name in BACKENDS:
        llm = load(name, llm_url="http://127.0.0.1:9/v1", llm_timeout=5)
        with pytest.raises(LLMError, match=r"127\.0\.0\.1:9 cannot be reached"):
            said(llm)


def test_threads_may_share_it(llm, server):
    server.says(answer(SAID, pause=0.01))
    found = []
    threads = [threading.Thread(target=lambda: found.append(said(llm))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["".join(SAID)] * 6


@pytest.mark.parametrize("name", [*BACKENDS, "llama_index"])
def test_without_a_model_the_setting_is_refused_with_an_example(name):
    with pytest.raises(SettingsError, match="RAG_LLM"):
        load(name, llm_model="")


@pytest.mark.parametrize("name", KEYS)
def test_without_a_key_the_provider_is_not_asked(name, monkeypatch):
    monkeypatch.delenv(KEYS[name])
    with pytest.raises(SettingsError, match=KEYS[name]):
        load(name)


def test_a_server_of_ones_own_needs_no_key(server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    server.says(answer(SAID))
    assert said(load("openai", llm_url=f"{server.url}/v1")) == "".join(SAID)


def test_a_model_that_llama_index_would_refuse_is_refused_at_once():
    with pytest.raises(SettingsError, match="claude-nonsense"):
        load("anthropic", llm_model="claude-nonsense")


@pytest.mark.parametrize("url", ["localhost", "ftp://x", "http://", "http://u:pass@[", "/v1"])
def test_what_is_no_address_is_refused_and_not_repeated(url):
    with pytest.raises(SettingsError, match="RAG_LLM_URL") as caught:
        load("openai", llm_url=url)
    assert "pass" not in str(caught.value)


def test_a_password_in_the_address_is_not_shown(server):
    server.says(status(404))
    llm = load("openai", llm_url=f"http://me:hush@127.0.0.1:{server.port}/v1")
    with pytest.raises(LLMError) as caught:
        said(llm)
    assert "hush" not in str(caught.value)


def test_the_model_may_stand_beside_the_plug_in(server):
    server.says(answer(SAID))
    llm = load("openai", llm="openai:other/model", llm_model="", llm_url=f"{server.url}/v1")
    said(llm)
    assert server.requests[0]["model"] == "other/model"


@pytest.mark.parametrize(
    ("name", "package", "pip"),
    [
        ("openai", "llama_index.llms.openai_like", "llama-index-llms-openai-like"),
        ("anthropic", "llama_index.llms.anthropic", "llama-index-llms-anthropic"),
        ("ollama", "llama_index.llms.ollama", "llama-index-llms-ollama"),
    ],
)
def test_a_missing_package_is_named_with_its_command(name, package, pip, monkeypatch):
    monkeypatch.setitem(importlib.sys.modules, package, None)
    with pytest.raises(PluginError, match=f"pip install {pip}"):
        load(name)


def test_tokens_are_counted_by_the_models_own_tokenizer_where_it_is_known():
    llm = load("openai", llm_model="gpt-4")
    assert llm.context_window == 8192
    assert llm.count_tokens("hello world") == 2
    other = load("openai", llm_url="http://127.0.0.1:9/v1")
    assert other.count_tokens("one two three four " * 100) > 400


def test_any_llm_of_llama_index_is_had_by_its_class(server):
    server.says(answer(SAID))
    named = "llama_index.llms.openai_like.OpenAILike"
    llm = load("llama_index", llm=f"llama_index:{named}", llm_url=f"{server.url}/v1")
    assert llm.name == "OpenAILike:some-model"
    # This class asks for completions unless told otherwise, which the server does not speak.
    with pytest.raises(LLMError):
        said(llm)
    mock = load("llama_index", llm_model="llama_index.core.llms.MockLLM")
    assert "Who built the harbour?" in said(mock)


@pytest.fixture
def any_llm(server):
    """A class of llama-index by its name."""
    return load(
        "llama_index",
        llm="llama_index:llama_index.llms.openai.OpenAI",
        llm_model="gpt-4o-mini",
        llm_url=f"{server.url}/v1",
        llm_timeout=2,
    )


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (status(401), "401"),
        (status(429), "429"),
        (status(500), "out of order"),
        (silence(), "RAG_LLM_TIMEOUT"),
        (silence(headers=False), "RAG_LLM_TIMEOUT"),
        (cut(SAID[:2], politely=False), "was cut"),
        (malformed(SAID[:1]), "no answer of a chat model"),
    ],
    ids=["refused", "busy", "out of order", "silence", "no headers", "cut", "malformed"],
)
def test_any_llm_of_llama_index_fails_in_our_words(any_llm, server, reply, match):
    server.says(reply)
    with pytest.raises(LLMError, match=match) as caught:
        said(any_llm)
    assert "sk-secret" not in str(caught.value)


def test_any_llm_of_llama_index_is_asked_again_where_it_was_busy(any_llm, server):
    server.says(status(429), answer(SAID))
    assert said(any_llm) == "".join(SAID)


def test_leaving_any_llm_of_llama_index_that_takes_our_client_closes_the_request(any_llm, server):
    server.says(silence(SAID[:1]))
    pieces = any_llm.stream(MESSAGES)
    next(pieces)
    pieces.close()
    assert server.hung_up.wait(1.5)


@pytest.mark.parametrize(
    ("dotted", "match"),
    [
        ("llama_index.llms.nobody.Nobody", "pip install llama-index-llms-nobody"),
        ("pathlib.Path", "is no LLM of llama-index"),
        ("llama_index.core.llms.NoSuch", "is no LLM of llama-index"),
    ],
)
def test_a_class_that_is_no_llm_is_refused(dotted, match):
    with pytest.raises(PluginError, match=match):
        load("llama_index", llm_model=dotted)


def test_the_server_is_asked_nothing_before_a_question(server):
    server.says(llm_server.status(500))
    for name, path in BACKENDS.items():
        load(name, llm_url=server.url + path)
    assert server.requests == []
