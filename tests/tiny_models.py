"""Models that the tests build: real architectures and files, too small to know anything.

Their words are vectors drawn by chance, short and common ones none, and fish is herring: texts
that share words are alike and no others are.
"""

import re
from pathlib import Path

from tests import pdfs

QUERY_PROMPT = "question : "
MAX_TOKENS = 64

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_CHARACTERS = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
_EMPTY = {"[SEP]", "which", "what", "where", "there", "many", "their", "about", "than"}
_TEXT = f"""{pdfs.LEFT} {pdfs.RIGHT} a short history of the harbour ship loss built fleet word zebra
question passage which benchmark measures repair code models are trained on programs their tests and
what people say about both attention is weighted mean values table pass by language where fish salted
encoder has six layers how many there did rent go up rose s"""


def embedder(folder: Path, prompts: dict[str, str] | None = None, seed: int = 3) -> Path:
    """A SentenceTransformer of 32 dimensions, with a prompt for queries unless told otherwise."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    bert = _bert(folder / "bert", "BertModel", seed)
    transformer = Transformer(str(bert), max_seq_length=MAX_TOKENS)
    pooling = Pooling(transformer.get_embedding_dimension(), "mean")
    model = SentenceTransformer(
        modules=[transformer, pooling],
        prompts={"query": QUERY_PROMPT} if prompts is None else prompts,
        device="cpu",
    )
    model.save_pretrained(str(folder / "embedder"), create_model_card=False)
    return folder / "embedder"


def cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A CrossEncoder that gives ``labels`` scores to a pair of texts."""
    from sentence_transformers import CrossEncoder

    # With weights as small as BERT's at its birth all pairs would score the same.
    options = {"num_labels": labels, "initializer_range": 0.5}
    bert = _bert(folder / "bert", "BertForSequenceClassification", **options)
    CrossEncoder(str(bert), device="cpu").save_pretrained(
        str(folder / "reranker"), create_model_card=False
    )
    return folder / "reranker"


def _bert(folder: Path, architecture: str, seed: int = 3, **options: float) -> Path:
    """Two layers of 32 dimensions over a WordPiece vocabulary, saved by transformers."""
    import torch
    import transformers

    vocabulary = {word: number for number, word in enumerate(_words())}
    tokenizer = transformers.BertTokenizerFast(vocab=vocabulary, model_max_length=MAX_TOKENS)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
        **options,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, architecture)(config)
    meaningless = [n for word, n in vocabulary.items() if len(word) <= 3 or word in _EMPTY]
    with torch.no_grad():
        embeddings = model.base_model.embeddings
        words = embeddings.word_embeddings.weight
        words[meaningless] = 0.0
        words[vocabulary["fish"]] = words[vocabulary["herring"]]
        embeddings.position_embeddings.weight.zero_()
        embeddings.token_type_embeddings.weight.zero_()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _words() -> list[str]:
    words = sorted(set(re.findall(r"[a-z]{2,}", _TEXT.lower())))
    return [*_SPECIAL, *_CHARACTERS, *(f"##{c}" for c in _CHARACTERS if c.isalnum()), *words]
