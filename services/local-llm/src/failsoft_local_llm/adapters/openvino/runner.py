"""OpenVINO's pipeline and the requests in it. Only the engine's process imports this."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy
import openvino
import openvino_genai
from openvino_genai.py_openvino_genai import GenerationHandle

from failsoft_kit.clock import SystemClock
from failsoft_local_llm.adapters.openvino.forms import Forms, structured
from failsoft_local_llm.adapters.openvino.protocol import End, Generate, LoadModel, Output
from failsoft_local_llm.adapters.openvino.trials import Trials, Verdict
from failsoft_local_llm.adapters.openvino.writable import writable

_COLDEST = 0.01
"""Temperatures below overflow OpenVINO's division; the most likely token is as good as certain."""
_THE_TOKEN_ALONE = 1
"""OpenVINO counts so many for each place, and tells that of the token which it took."""
_BLOCK_TOKENS = 32
"""The KV cache is cut into pieces of this many."""
_ENDS = {
    openvino_genai.GenerationFinishReason.STOP: End.STOP,
    openvino_genai.GenerationFinishReason.LENGTH: End.LENGTH,
}


class Runner:
    """One loaded pipeline and the requests in it."""

    def __init__(self, order: LoadModel) -> None:
        """Loads the model.

        Raises:
            RuntimeError: OpenVINO cannot.
            OSError: there is no room for what OpenVINO needs to.
        """
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.max_num_seqs = order.max_sequences
        scheduler.max_num_batched_tokens = order.max_batched_tokens
        # Cached prefixes would be shared by all tenants, who could tell by the time it takes.
        scheduler.enable_prefix_caching = False
        if order.kv_cache_tokens is not None:
            scheduler.num_kv_blocks = max(1, order.kv_cache_tokens // _BLOCK_TOKENS)
        threads = {} if order.threads is None else {"INFERENCE_NUM_THREADS": order.threads}
        with writable(Path(order.model_file)) as file:
            self._pipeline = openvino_genai.ContinuousBatchingPipeline(
                str(file), scheduler, "CPU", threads, {}
            )
        self._tokenizer = self._pipeline.get_tokenizer()
        self._end_tokens = set(order.end_tokens)
        vocabulary: dict[bytes, int] = self._tokenizer.get_vocab()
        self._bytes = _token_bytes(vocabulary, order.hidden_tokens)
        forms = Forms(self._tokenizer, tokens=len(vocabulary), end_tokens=order.end_tokens)
        self._trials = Trials(forms.can_hold, clock=SystemClock())
        self._untried: dict[int, Generate] = {}
        self._requests: dict[int, GenerationHandle] = {}
        self._telling: set[int] = set()
        self._ended: list[Output] = []

    @property
    def busy(self) -> bool:
        """Whether there is something to step or to tell."""
        return bool(self._ended) or self._pipeline.has_non_finished_requests()

    @property
    def trying(self) -> bool:
        """Whether there may be something for `begin_tried` although nothing is readable."""
        return self._trials.running

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text."""
        return [
            self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
            for text in texts
        ]

    def fileno(self) -> int:
        """Readable when there is something for `begin_tried`."""
        return self._trials.fileno()

    def begin(self, order: Generate) -> None:
        """Adds a request; one that OpenVINO does not take ends as REFUSED or FORM_REFUSED."""
        if order.form is None:
            self._add(order)
        else:
            self._untried[order.id] = order
            self._trials.begin(order.id, order.form)

    def begin_tried(self) -> None:
        """Goes on with the requests of whose forms something is known now.

        Raises:
            ThreadLost: no form will ever be tried again.
        """
        for request, verdict in self._trials.settled().items():
            order = self._untried.pop(request)
            match verdict:
                case Verdict.HOLDS:
                    self._add(order)
                case Verdict.FAILS:
                    self._end(request, End.FORM_REFUSED)
                case Verdict.UNTRIED:
                    self._end(request, End.REFUSED)

    def cancel(self, request: int) -> None:
        """Ends a request; the next step lets go of its memory."""
        if self._untried.pop(request, None) is not None:
            self._trials.forget(request)
            self._end(request, End.CANCELLED)
        elif (handle := self._requests.pop(request, None)) is not None:
            self._telling.discard(request)
            handle.cancel()
            self._end(request, End.CANCELLED)

    def step(self) -> list[Output]:
        """One token further for every request that has a place; what this and cancelling gave.

        Raises RuntimeError: the pipeline is broken for good.
        """
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        outputs, self._ended = self._ended, []
        outputs += self._new_outputs()
        return outputs

    def _add(self, order: Generate) -> None:
        prompt = openvino.Tensor(numpy.array([order.prompt], dtype=numpy.int64))
        try:
            handle = self._pipeline.add_request(order.id, prompt, self._config(order))
        except RuntimeError:
            self._end(order.id, End.REFUSED)
        else:
            self._requests[order.id] = handle
            if order.logprobs:
                self._telling.add(order.id)

    def _end(self, request: int, end: End) -> None:
        self._ended.append(Output(id=request, tokens=0, data=b"", end=end))

    def _new_outputs(self) -> Iterator[Output]:
        for request, handle in list(self._requests.items()):
            if (output := self._new_output(request, handle)) is not None:
                if output.end is not None:
                    del self._requests[request]
                    self._telling.discard(request)
                yield output

    def _new_output(self, request: int, handle: GenerationHandle) -> Output | None:
        """What the last step gave the request; None: nothing, it waits for its place."""
        if handle.get_status() == openvino_genai.GenerationStatus.IGNORED:  # no memory for it
            return Output(id=request, tokens=0, data=b"", end=End.REFUSED)
        if not handle.can_read():
            return None
        (generated,) = handle.read().values()
        tokens = generated.generated_ids
        data = b"".join(self._bytes.get(token, b"") for token in tokens)
        end = _ENDS.get(generated.finish_reason)
        if request not in self._telling:
            return Output(id=request, tokens=len(tokens), data=data, end=end)
        told = self._told(tokens, generated.generated_log_probs)
        return Output(id=request, tokens=len(tokens), data=data, end=end, told=told)

    def _told(self, tokens: Sequence[int], logprobs: Sequence[float]) -> list[tuple[bytes, float]]:
        """The tokens that are text, each with its log probability."""
        return [
            (self._bytes[token], logprob)
            for token, logprob in zip(tokens, logprobs, strict=True)
            if token in self._bytes
        ]

    def _config(self, order: Generate) -> openvino_genai.GenerationConfig:
        config = openvino_genai.GenerationConfig()
        config.apply_chat_template = False
        config.max_new_tokens = order.max_tokens
        config.stop_token_ids = self._end_tokens
        config.presence_penalty = order.presence_penalty
        config.frequency_penalty = order.frequency_penalty
        config.rng_seed = order.seed
        if order.form is not None:
            config.structured_output_config = structured(order.form)
        if order.logprobs:
            config.logprobs = _THE_TOKEN_ALONE
        if order.temperature >= _COLDEST:
            config.do_sample = True
            config.temperature = order.temperature
            config.top_p = order.top_p
            if order.top_k is not None:
                config.top_k = order.top_k
        return config


def _token_bytes(vocabulary: dict[bytes, int], hidden: Sequence[int]) -> dict[int, bytes]:
    """The bytes that each token stands for, without those that are no text."""
    silent = set(hidden)
    return {token: data for data, token in vocabulary.items() if token not in silent}
