"""The engine alone, called directly by a program of its own.

    python -m benchmarks.engine.bare STREAMS THREADS

It loads the model and says "ready". Then each line of JSON that comes, `{"prompts": [...],
"tokens": N}`, is answered at once for all prompts, greedily, and with a line that is the number of
tokens. It does what a program must that shows its users each token as it comes: step after step it
takes what the step gave, and looks up the bytes.
"""

import json
import sys
from collections.abc import Sequence

import numpy
import openvino
import openvino_genai
from openvino_genai.py_openvino_genai import GenerationHandle

from failsoft_local_llm.adapters.model_file import bundled_model, read_model_facts
from failsoft_local_llm.adapters.openvino.engine import BATCHED_TOKENS
from failsoft_local_llm.wire.template import ChatTemplate
from failsoft_model.chat import Message, Role, Text


class BareEngine:
    """OpenVINO GenAI with the model, scheduler and sampling of the service."""

    def __init__(self, *, streams: int, threads: int) -> None:
        file = bundled_model()
        facts = read_model_facts(file)
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.max_num_seqs = streams
        scheduler.max_num_batched_tokens = BATCHED_TOKENS
        scheduler.enable_prefix_caching = False
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(
            str(file), scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads}, {}
        )
        self._template = ChatTemplate(facts)
        self._ends = set(facts.end_tokens)
        self._tokenizer = self._pipeline.get_tokenizer()
        self._bytes = {token: data for data, token in self._tokenizer.get_vocab().items()}
        self._last_id = 0

    def answer(self, prompts: Sequence[str], *, tokens: int) -> int:
        """Answers all of them at once; how many tokens that were."""
        handles = [self._begun(prompt, tokens) for prompt in prompts]
        texts = [bytearray() for _ in handles]
        count = 0
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            for handle, text in zip(handles, texts, strict=True):
                if handle.can_read():
                    (output,) = handle.read().values()
                    text += b"".join(self._bytes[token] for token in output.generated_ids)
                    count += len(output.generated_ids)
        return count

    def _begun(self, prompt: str, tokens: int) -> GenerationHandle:
        question = Message(role=Role.USER, parts=(Text(text=prompt),))
        ids = [
            token
            for text in self._template.prompt([question], continue_from="")
            for token in self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]
        ]
        config = openvino_genai.GenerationConfig()
        config.apply_chat_template = False
        config.max_new_tokens = tokens
        config.stop_token_ids = self._ends
        self._last_id += 1
        tensor = openvino.Tensor(numpy.array([ids], dtype=numpy.int64))
        return self._pipeline.add_request(self._last_id, tensor, config)


def main() -> None:
    """Answers line after line until there are no more."""
    engine = BareEngine(streams=int(sys.argv[1]), threads=int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(engine.answer(order["prompts"], tokens=order["tokens"]), flush=True)


if __name__ == "__main__":
    main()
