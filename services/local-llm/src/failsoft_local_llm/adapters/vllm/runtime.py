"""vLLM itself. Importing this takes seconds, so it is done where that disturbs nobody."""

import hashlib
import secrets
import threading
from collections.abc import AsyncGenerator, Sequence
from multiprocessing.process import BaseProcess

import tokenizers
from vllm import SamplingParams
from vllm.config import StructuredOutputsConfig
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMValidationError
from vllm.inputs import tokens_input
from vllm.lora.request import LoRARequest
from vllm.outputs import RequestOutput
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.loggers import StatLoggerBase
from vllm.v1.metrics.stats import SchedulerStats

from failsoft_local_llm.adapters.vllm.calls import CallReader, CallReaders
from failsoft_local_llm.adapters.vllm.forms import structured
from failsoft_local_llm.adapters.vllm.options import VllmOptions
from failsoft_local_llm.core.decoding import Decoding
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.ports import EngineDied, FormRefused, TokenUnknown
from failsoft_local_llm.wire.model_files import TOKENIZER
from failsoft_model.chat import Criticality

_BATCHED_TOKENS_ON_CPU = 512
"""A step over this many tokens takes well under a second on two cores, and so does a cancel."""
_BLOCK_TOKENS_ON_CPU = 32
"""Prefixes are found again in pieces of this many tokens; its own 128 are a lot for a CPU."""
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Sizes of LoRA adapters that vLLM makes room for."""
_UINT64 = (1 << 64) - 1
_PRIORITIES = {
    Criticality.CRITICAL_PLUS: 0,
    Criticality.CRITICAL: 1,
    Criticality.SHEDDABLE_PLUS: 2,
    Criticality.SHEDDABLE: 3,
}
"""Lower ones go first."""


class Steps(StatLoggerBase):  # type: ignore[misc]  # vLLM carries no types that we check
    """What the engine says: it tells its statistics after every step."""

    def __init__(self) -> None:
        self.heard = 0
        """Steps."""
        self.cache_use = 0.0
        """Share of the KV cache that requests hold; what is kept for later ones is free."""

    def record(
        self, scheduler_stats: SchedulerStats | None, *_arguments: object, **_keywords: object
    ) -> None:
        self.heard += 1
        if scheduler_stats is not None:
            self.cache_use = scheduler_stats.kv_cache_usage

    def log_engine_initialized(self) -> None:
        """Of no interest."""


class Runtime:
    """A loaded model in vLLM's processes."""

    def __init__(self, options: VllmOptions, *, stop_tokens: Sequence[int]) -> None:
        """Loads the model; takes long and blocks. What goes wrong is raised as vLLM raises it."""
        self._stop_tokens = list(stop_tokens)
        self._salt_key = secrets.token_bytes(32)
        self._steps = Steps()
        self._tokenizer = tokenizers.Tokenizer.from_file(str(options.model_directory / TOKENIZER))
        self._llm = AsyncLLM.from_engine_args(
            _engine_args(options), stat_loggers=[lambda _config, _index: self._steps]
        )
        self._adapters = {
            name: LoRARequest(name, number, str(path))
            for number, (name, path) in enumerate(options.adapters.items(), start=1)
        }
        try:
            self._calls = self._call_readers(options.tool_parser)
        except BaseException:
            self.stop(grace=0.0)
            raise

    @property
    def heard(self) -> int:
        """Steps that the engine has told of so far."""
        return self._steps.heard

    @property
    def cache_tokens(self) -> int:
        """Tokens that the KV cache has room for; 0: vLLM does not say."""
        return self._llm.vllm_config.cache_config.kv_cache_size_tokens or 0

    @property
    def cached_tokens(self) -> int:
        """Tokens of the KV cache that requests held after the last step, in whole blocks."""
        return round(self._steps.cache_use * self.cache_tokens)

    @property
    def errored(self) -> bool:
        """Whether it answers no more."""
        return bool(self._llm.errored)

    @property
    def processes(self) -> list[BaseProcess]:
        """Those that it cannot live without; workers are theirs and end with them."""
        return list(self._llm.engine_core.resources.engine_manager.processes)

    def tokenize(self, texts: Sequence[str]) -> list[int]:
        """The tokens of all texts, one behind the other; takes its time for long ones."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [token for encoding in encodings for token in encoding.ids]

    async def load_adapters(self) -> None:
        """Loads what is configured: one that cannot be loaded while it answers would end it.

        Raises:
            EngineDied: an adapter cannot be loaded; says which.
        """
        for name, request in self._adapters.items():
            try:
                await self._llm.add_lora(request)
            except Exception as error:
                why = f"the adapter {name!r} in {request.lora_path!r} cannot be loaded: {error}"
                raise EngineDied(why) from error

    def call_reader(self, order: Order) -> CallReader | None:
        """Finds the tool calls in an answer to that; None: it has no tools to call.

        Raises:
            FormRefused: the tools' parameters are no schemas that it can hold an answer to.
        """
        return self._calls.reader(order) if self._calls and order.tools else None

    def form(self, decoding: Decoding) -> StructuredOutputsParams | None:
        """What an answer must look like that calls no tools; None: anything."""
        return structured(decoding.form)

    async def generate(
        self, order: Order, *, form: StructuredOutputsParams | None
    ) -> AsyncGenerator[RequestOutput, None]:
        """Goes on from the prompt; closing the generator aborts the request.

        Args:
            form: What the answer must look like; None: anything.

        Raises:
            EngineDied: it has ended meanwhile or before.
            FormRefused: it cannot hold an answer to that form.
            TokenUnknown: it has not all tokens that are to be biased.
        """
        caller = order.caller
        outputs = self._llm.generate(
            tokens_input(list(order.prompt), cache_salt=self._salt(caller.tenant)),
            self._sampling(order.decoding, form),
            caller.id,
            lora_request=self._adapters[order.adapter] if order.adapter else None,
            trace_headers={"traceparent": caller.traceparent} if caller.traceparent else None,
            priority=_PRIORITIES[order.criticality],
        )
        try:
            async for output in outputs:
                yield output
        except EngineDeadError as error:
            raise EngineDied("the engine's process has ended") from error
        except VLLMValidationError as error:
            if error.parameter == "logit_bias":
                raise TokenUnknown from error
            if form is None:
                raise
            raise FormRefused from error
        finally:
            await outputs.aclose()

    def break_off(self) -> None:
        """Ends every answer, and those that are asked for from now on, with EngineDied.

        vLLM does so where it is the first to see that a process has ended. Where we are, and where
        we end one that hangs, its `shutdown` cancels the task that would have told them.
        """
        self._llm.engine_core.resources.engine_dead = True
        self._llm.output_processor.propagate_error(EngineDeadError())

    def stop(self, *, grace: float) -> None:
        """Ends its processes, by force after that many seconds; blocks until they are gone."""
        self._llm.shutdown(timeout=grace)

    def _call_readers(self, parser: str | None) -> CallReaders | None:
        return None if parser is None else CallReaders(parser, self._llm.renderer.get_tokenizer())

    def _salt(self, tenant: str) -> str:
        """Keeps one tenant from telling by the time it takes what another has asked."""
        return hashlib.blake2b(tenant.encode(), key=self._salt_key, digest_size=16).hexdigest()

    def _sampling(self, decoding: Decoding, form: StructuredOutputsParams | None) -> SamplingParams:
        return SamplingParams(
            max_tokens=decoding.max_tokens,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            top_k=decoding.top_k or 0,
            seed=None if decoding.seed is None else decoding.seed & _UINT64,
            presence_penalty=decoding.presence_penalty,
            frequency_penalty=decoding.frequency_penalty,
            stop_token_ids=self._stop_tokens,
            structured_outputs=form,
            logprobs=decoding.alternatives,
            logit_bias=dict(decoding.logit_bias) or None,
            output_kind=RequestOutputKind.DELTA,
            detokenize=False,
        )


def load(options: VllmOptions, *, stop_tokens: Sequence[int], wanted: threading.Event) -> Runtime:
    """Loads the model; takes long and blocks.

    Args:
        wanted: Cleared when nobody waits for it any more.

    Raises:
        EngineDied: the model cannot be loaded, or nobody wants it.
    """
    if not wanted.is_set():  # importing took a while
        raise EngineDied("nobody waits for the engine any more")
    try:
        return Runtime(options, stop_tokens=stop_tokens)
    except Exception as error:  # whatever vLLM and what it stands on raise
        raise EngineDied(f"vLLM cannot load the model: {error}") from error


def _engine_args(options: VllmOptions) -> AsyncEngineArgs:
    cpu = current_platform.is_cpu()
    arguments: dict[str, object] = {}
    if cpu:
        arguments |= {
            "enforce_eager": True,
            "max_num_batched_tokens": max(_BATCHED_TOKENS_ON_CPU, options.max_sequences),
            "block_size": _BLOCK_TOKENS_ON_CPU,
        }
    if options.gpu_memory_share is not None:
        arguments["gpu_memory_utilization"] = options.gpu_memory_share
    if options.adapters:
        arguments |= {
            "enable_lora": True,
            "max_loras": len(options.adapters),
            "max_lora_rank": next((r for r in _RANKS if r >= options.adapter_rank), _RANKS[-1]),
        }
    return AsyncEngineArgs(
        model=str(options.model_directory),
        load_format="safetensors",
        use_tqdm_on_load=False,
        trust_remote_code=False,
        dtype=options.dtype,
        max_model_len=options.context_tokens,
        max_num_seqs=options.max_sequences,
        kv_cache_memory_bytes=options.kv_cache_bytes,
        tensor_parallel_size=max(1, len(options.gpus)),
        enable_prefix_caching=True,
        scheduling_policy="priority",
        structured_outputs_config=StructuredOutputsConfig(
            backend="xgrammar", disable_any_whitespace=True
        ),
        otlp_traces_endpoint=options.traces_endpoint,
        disable_log_stats=True,
        **arguments,
    )
