"""OpenVINO's pipeline and the requests in it. Only the engine's process imports this."""

from collections.abc import Iterator

import numpy
import openvino
import openvino_genai
from openvino_genai.py_openvino_genai import GenerationHandle

from failsoft_local_llm.adapters.openvino.protocol import End, Generate, LoadModel, Output

_COLDEST = 0.01
"""Temperatures below overflow OpenVINO's division; the most likely token is as good as certain."""
_ENDS = {
    openvino_genai.GenerationFinishReason.STOP: End.STOP,
    openvino_genai.GenerationFinishReason.LENGTH: End.LENGTH,
}


class Runner:
    """One loaded pipeline and the requests in it."""

    def __init__(self, order: LoadModel) -> None:
        """Loads the model. Raises RuntimeError when OpenVINO cannot."""
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.max_num_seqs = order.max_sequences
        scheduler.max_num_batched_tokens = order.max_batched_tokens
        # Cached prefixes would be shared by all tenants, who could tell by the time it takes.
        scheduler.enable_prefix_caching = False
        threads = {} if order.threads is None else {"INFERENCE_NUM_THREADS": order.threads}
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(
            order.model_file, scheduler, "CPU", threads, {}
        )
        self._tokenizer = self._pipeline.get_tokenizer()
        self._end_tokens = set(order.end_tokens)
        self._bytes = self._token_bytes(order.hidden_tokens)
        self._requests: dict[int, GenerationHandle] = {}
        self._ended: list[Output] = []

    @property
    def busy(self) -> bool:
        """Whether there is something to step or to tell."""
        return bool(self._ended) or self._pipeline.has_non_finished_requests()

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text."""
        return [
            self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
            for text in texts
        ]

    def begin(self, order: Generate) -> None:
        """Adds a request; one that OpenVINO does not take ends as REFUSED."""
        prompt = openvino.Tensor(numpy.array([order.prompt], dtype=numpy.int64))
        try:
            handle = self._pipeline.add_request(order.id, prompt, self._config(order))
        except RuntimeError:
            self._ended.append(Output(id=order.id, tokens=0, data=b"", end=End.REFUSED))
        else:
            self._requests[order.id] = handle

    def cancel(self, request: int) -> None:
        """Ends a request; the next step lets go of its memory."""
        handle = self._requests.pop(request, None)
        if handle is not None:
            handle.cancel()
            self._ended.append(Output(id=request, tokens=0, data=b"", end=End.CANCELLED))

    def step(self) -> list[Output]:
        """One token further for every request that has a place; what this and cancelling gave.

        Raises RuntimeError: the pipeline is broken for good.
        """
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        outputs, self._ended = self._ended, []
        outputs += self._new_outputs()
        return outputs

    def _new_outputs(self) -> Iterator[Output]:
        for request, handle in list(self._requests.items()):
            if (output := self._new_output(request, handle)) is not None:
                if output.end is not None:
                    del self._requests[request]
                yield output

    def _new_output(self, request: int, handle: GenerationHandle) -> Output | None:
        """What the last step gave the request; None: nothing, it waits for its place."""
        if not handle.can_read():
            if handle.get_status() == openvino_genai.GenerationStatus.IGNORED:  # no memory for it
                return Output(id=request, tokens=0, data=b"", end=End.REFUSED)
            return None
        (generated,) = handle.read().values()
        tokens = generated.generated_ids
        data = b"".join(self._bytes.get(token, b"") for token in tokens)
        end = _ENDS.get(generated.finish_reason)
        return Output(id=request, tokens=len(tokens), data=data, end=end)

    def _config(self, order: Generate) -> openvino_genai.GenerationConfig:
        config = openvino_genai.GenerationConfig()
        config.apply_chat_template = False
        config.max_new_tokens = order.max_tokens
        config.stop_token_ids = self._end_tokens
        config.presence_penalty = order.presence_penalty
        config.frequency_penalty = order.frequency_penalty
        config.rng_seed = order.seed
        if order.temperature >= _COLDEST:
            config.do_sample = True
            config.temperature = order.temperature
            config.top_p = order.top_p
            if order.top_k is not None:
                config.top_k = order.top_k
        return config

    def _token_bytes(self, hidden: list[int]) -> dict[int, bytes]:
        """The bytes that each token stands for, without those that are no text."""
        silent = set(hidden)
        vocabulary = self._tokenizer.get_vocab()
        return {token: data for data, token in vocabulary.items() if token not in silent}
