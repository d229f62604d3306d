"""A BERT sentence encoder as an ONNX graph over weights in memory.

Devlin et al., BERT (2019), with mean pooling and unit length as in Reimers and Gurevych,
Sentence-BERT (2019). The graph is written here, node by node, so that neither PyTorch nor a file
of exported weights is needed: onnxruntime takes the tensors straight from the safetensors file.

A text is run by itself, without padding: what the model makes of it does not depend on its company,
and on a processor a batch is no faster. Its dense layers can be counted in bytes, too: weights in 7
bits, a scale for each column, and the words' values in 8 bits with a scale for each text. That takes
two fifths of the time and turns a vector by some 7 degrees (cosine .992).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]
Weights = NDArray[Any]  # float32, or int8 where a graph counts in bytes
_FUSED = "com.microsoft"  # onnxruntime's own operators: attention, products in bytes, …

WORDS = "embeddings.word_embeddings.weight"
"""The tensor of the words' vectors, shape (vocabulary, dim)."""

_LEVELS = 63
"""The largest weight in bytes: two products with 255 must fit into 16 bits on older processors."""


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file, mapped from disk; the format is a length, a JSON
    header with each tensor's place, and the bytes (huggingface.co/docs/safetensors).
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    (length,) = struct.unpack("<Q", data[:8].tobytes())
    header: dict[str, Any] = json.loads(data[8 : 8 + length].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            low, high = (8 + length + at for at in entry["data_offsets"])
            tensors[name] = data[low:high].view("<f4").reshape(entry["shape"])
    return tensors


@dataclass(slots=True)
class _Graph:
    """Nodes and weights that grow, layer by layer."""

    tensors: Tensors
    heads: int
    epsilon: float
    in_bytes: bool
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, Weights] = field(default_factory=dict)
    constants: list[Any] = field(default_factory=list)

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Append a node with one output; returns the output's name."""
        return self.parted(1, kind, *inputs, domain=domain, **attributes)[0]

    def parted(
        self, count: int, kind: str, *inputs: str, domain: str = "", **attributes: object
    ) -> list[str]:
        """Append a node with ``count`` outputs; returns their names."""
        from onnx import helper

        outputs = [f"{kind}{len(self.nodes)}.{number}" for number in range(count)]
        self.nodes.append(
            helper.make_node(kind, list(inputs), outputs, domain=domain, **attributes)
        )
        return outputs

    def weight(self, name: str, values: Weights | None = None) -> str:
        """A weight by its name in the file, or other values under that name."""
        self.weights[name] = np.ascontiguousarray(self.tensors[name] if values is None else values)
        return name

    def constant(self, name: str, values: list[int]) -> str:
        """A small tensor of int64."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def dense(self, x: str, layer: str) -> str:
        """X · Wᵀ for a dense layer, whose file holds W as (out, in)."""
        return self.product(x, f"{layer}.weightT", self.tensors[f"{layer}.weight"].T)

    def product(self, x: str, name: str, matrix: NDArray[np.float32]) -> str:
        """X · matrix, in bytes where the graph counts in them."""
        if not self.in_bytes:
            return self.node("MatMul", x, self.weight(name, matrix))
        scale = np.maximum(np.abs(matrix).max(axis=0), 1e-9) / _LEVELS
        return self.node(
            "DynamicQuantizeMatMul",
            x,
            self.weight(name, np.rint(matrix / scale).astype(np.int8)),
            self.weight(f"{name}.scale", scale.astype(np.float32)),
            self.weight(f"{name}.zero", np.zeros(len(scale), np.int8)),
            domain=_FUSED,
        )

    def gathered(self, ids: str) -> str:
        """The vectors of the words."""
        return self.node("Gather", self.weight(WORDS), ids)

    def embeddings(self, words: str, segments: str | None = None) -> str:
        """Word, position and segment vectors, summed and normalised. All words are segment 0 if
        ``segments`` does not tell.
        """
        tensors, name = self.tensors, "embeddings."
        places = tensors[name + "position_embeddings.weight"]
        kinds = name + "token_type_embeddings.weight"
        length = self.node("Shape", words, start=1, end=2)
        if segments is None:
            places = places + tensors[kinds][0]
        else:
            words = self.node("Add", words, self.node("Gather", self.weight(kinds), segments))
        here = self.node("Slice", self.weight("places", places), self.constant("zero", [0]), length)
        return self.normal(self.node("Add", words, here), name)

    def normal(self, x: str, prefix: str) -> str:
        """norm(x)."""
        return self.node(
            "LayerNormalization",
            x,
            self.weight(f"{prefix}LayerNorm.weight"),
            self.weight(f"{prefix}LayerNorm.bias"),
            epsilon=self.epsilon,
            axis=-1,
        )

    def layer(self, x: str, prefix: str) -> str:
        """One transformer layer: self-attention, then the feed-forward network."""
        own = f"{prefix}attention.self."
        parts = [f"{own}{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([self.tensors[f"{part}.weight"].T for part in parts], axis=1)
        biases = np.concatenate([self.tensors[f"{part}.bias"] for part in parts])
        every = self.product(x, f"{own}weight", joined)
        attended = self.node(
            "MultiHeadAttention",
            *self.parted(3, "Split", every, axis=-1, num_outputs=3),
            self.weight(f"{own}bias", biases),
            domain=_FUSED,
            num_heads=self.heads,
        )
        x = self.added(attended, x, f"{prefix}attention.output.")
        wide = f"{prefix}intermediate.dense"
        hidden = self.node(
            "BiasGelu", self.dense(x, wide), self.weight(f"{wide}.bias"), domain=_FUSED
        )
        return self.added(hidden, x, f"{prefix}output.")

    def added(self, y: str, x: str, prefix: str) -> str:
        """norm(x + dense(y))."""
        made = self.node("Add", self.dense(y, f"{prefix}dense"), self.weight(f"{prefix}dense.bias"))
        return self.normal(self.node("Add", made, x), prefix)

    def pooled(self, x: str) -> str:
        """Unit vectors of the mean of the words."""
        return self.node("LpNormalization", self.mean(x), axis=-1, p=2)

    def judged(self, x: str) -> str:
        """A linear layer over the mean of the words."""
        head = self.weight("head.weightT", self.tensors["head.weight"].T)
        odds = self.node("MatMul", self.mean(x), head)
        return self.node("Add", odds, self.weight("head.bias"))

    def mean(self, x: str) -> str:
        """The mean over the words."""
        return self.node("ReduceMean", x, self.constant("one", [1]), keepdims=0)

    def projected(self, x: str, projection: NDArray[np.float32]) -> str:
        """Each word in fewer dimensions, as a unit vector."""
        fewer = self.node("MatMul", x, self.weight("projection", projection))
        return self.node("LpNormalization", fewer, axis=-1, p=2)


def session(
    folder: Path, projection: NDArray[np.float32], threads: int, *, in_bytes: bool = False
) -> Any:  # noqa: ANN401
    """An onnxruntime session for one text: input ``ids``, int64 of shape (1, length).

    Its outputs are unit vectors, float32: the text's, shape (1, dim), and one a word, shape
    (1, length, width), by a projection of shape (dim, width). ``threads`` 0 leaves their number
    to the runtime.
    """
    graph, config = _begun(folder, read_safetensors(folder / "model.safetensors"), in_bytes)
    x = _encoded(graph, config, graph.embeddings(graph.gathered("ids")))
    dim, width = projection.shape
    outputs = {
        graph.pooled(x): [1, dim],
        graph.projected(x, projection): [1, "length", width],
    }
    return _ready(graph, {"ids": (np.int64, [1, "length"])}, outputs, threads)


def pair_session(folder: Path, tensors: Tensors) -> Any:  # noqa: ANN401
    """A session for one pair of texts, in bytes: inputs ``words``, the vectors of their words, float32
    of shape (1, length, dim), and ``segments``, int64 of shape (1, length); its output what the layer
    ``head`` of ``tensors`` makes of it, shape (1, labels).

    The encoder's shape is that of the configuration in ``folder``. The words' vectors are the caller's,
    so that models that share them need not each hold them.
    """
    graph, config = _begun(folder, tensors, in_bytes=True)
    x = _encoded(graph, config, graph.embeddings("words", "segments"))
    outputs = {graph.judged(x): [1, tensors["head.weight"].shape[0]]}
    inputs = {
        "words": (np.float32, [1, "length", config["hidden_size"]]),
        "segments": (np.int64, [1, "length"]),
    }
    return _ready(graph, inputs, outputs, threads=0)


def _begun(folder: Path, tensors: Tensors, in_bytes: bool) -> tuple[_Graph, dict[str, Any]]:
    """An empty graph over the tensors, and the model's configuration."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    return _Graph(tensors, heads, epsilon, in_bytes), config


def _encoded(graph: _Graph, config: dict[str, Any], x: str) -> str:
    """All layers."""
    for number in range(config["num_hidden_layers"]):
        x = graph.layer(x, f"encoder.layer.{number}.")
    return x


def _ready(
    graph: _Graph,
    inputs: dict[str, tuple[type[Any], list[Any]]],
    outputs: dict[str, list[Any]],
    threads: int,
) -> Any:  # noqa: ANN401
    """The session that runs the graph. Inputs have their type and shape, outputs, float32, theirs."""
    import onnxruntime
    from onnx import TensorProto, helper

    outside = [_outside(name, values) for name, values in graph.weights.items()]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "bert",
            [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape
                )
                for name, (kind, shape) in inputs.items()
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in outputs.items()
            ],
            graph.constants + outside,
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(_FUSED, 1)],
        ir_version=9,
    )
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    # Beyond the basic level it fuses sum and norm into an operator that takes five times as long.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Each length would keep a plan and its memory, and a page hears all lengths.
    options.enable_mem_pattern, options.enable_cpu_mem_arena = False, False
    # Threads that wait for work sleep: spinning ones take the processor from whoever shares it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.dynamic_block_base", "4")
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(w) for w in graph.weights.values()]
    options.add_external_initializers(list(graph.weights), values)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _outside(name: str, values: Weights) -> Any:  # noqa: ANN401 - onnx carries no types
    """A weight that the graph names and the session is handed."""
    from onnx import TensorProto, helper

    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    tensor = TensorProto(name=name, data_type=kind, dims=values.shape)
    tensor.data_location = TensorProto.EXTERNAL
    place = tensor.external_data.add()
    place.key, place.value = "location", "memory"
    return tensor
