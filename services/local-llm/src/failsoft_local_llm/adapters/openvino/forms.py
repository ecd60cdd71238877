"""Tries the forms of answers on a model without layers, beside the real one.

OpenVINO compiles a form inside the step that first needs it. That takes up to many seconds, in
which nobody gets a token; and one that cannot be compiled breaks the step, and with it the
answers of everybody else. So each is compiled before, in a thread, where a failure hurts nobody.
What was compiled stays with the tokenizer, which both models share: the step finds it done.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy
import openvino
import openvino.opset13 as ops
import openvino_genai

from failsoft_local_llm.core.choices import choice_grammar
from failsoft_local_llm.core.decoding import Form

_INPUTS = {
    "input_ids": ([-1, -1], openvino.Type.i64),
    "attention_mask": ([-1, -1], openvino.Type.i64),
    "beam_idx": ([-1], openvino.Type.i32),
}
"""What OpenVINO gives every language model."""
_ANY_TOKEN = 0


def structured(form: Form) -> openvino_genai.StructuredOutputConfig:
    """What holds an answer to that form."""
    config = openvino_genai.StructuredOutputConfig
    if form.schema_json:
        return config(json_schema=form.schema_json)
    if form.regex:
        return config(regex=form.regex)
    return config(grammar=choice_grammar(form.choices))


class Forms:
    """Finds out which forms answers can be held to; for one thread."""

    def __init__(
        self, tokenizer: openvino_genai.Tokenizer, *, tokens: int, end_tokens: Sequence[int]
    ) -> None:
        """
        Args:
            tokens: In the vocabulary.
            end_tokens: At least one.
        """
        self._tokenizer = tokenizer
        self._tokens = tokens
        self._end_tokens = end_tokens
        self._pipeline: openvino_genai.LLMPipeline | None = None

    def can_hold(self, form: Form) -> bool:
        """Compiles it, for one token; OpenVINO lets go of the GIL meanwhile.

        Raises:
            RuntimeError, OSError: it cannot be found out.
        """
        if self._pipeline is None:
            self._pipeline = self._build()
        config = openvino_genai.GenerationConfig()
        config.apply_chat_template = False
        config.max_new_tokens = 1
        config.eos_token_id = self._end_tokens[0]
        config.stop_token_ids = set(self._end_tokens)
        config.structured_output_config = structured(form)
        prompt = openvino.Tensor(numpy.array([[_ANY_TOKEN]], dtype=numpy.int64))
        try:
            self._pipeline.generate(prompt, config)
        except RuntimeError:
            return False
        return True

    def _build(self) -> openvino_genai.LLMPipeline:
        """A pipeline with the real tokenizer, whose model likes all tokens equally."""
        model, weights = _layerless_model(self._tokens)
        return openvino_genai.LLMPipeline(
            model,
            weights,
            self._tokenizer,
            "CPU",
            generation_config=openvino_genai.GenerationConfig(),
            ATTENTION_BACKEND="SDPA",
        )


def _layerless_model(tokens: int) -> tuple[str, openvino.Tensor]:
    """The smallest model that OpenVINO takes for a language model: its XML, and its weights."""
    inputs = []
    for name, (shape, kind) in _INPUTS.items():
        parameter = ops.parameter(shape, kind, name=name)
        parameter.output(0).set_names({name})
        inputs.append(parameter)
    ids, mask, beams = (_nothing_of(parameter) for parameter in inputs)
    each_token = ops.unsqueeze(ids, ops.constant(2))
    unused = ops.add(
        ops.reduce_sum(mask, ops.constant([0, 1])), ops.reduce_sum(beams, ops.constant([0]))
    )
    liking = ops.constant(numpy.zeros((1, 1, tokens), dtype=numpy.float32))
    logits = ops.add(ops.add(each_token, unused), liking)
    logits.output(0).set_names({"logits"})
    return _serialized(openvino.Model([ops.result(logits)], inputs))


def _nothing_of(parameter: openvino.Node) -> openvino.Node:
    """Zeros in the parameter's shape."""
    zero = ops.constant(0.0, dtype=numpy.float32)
    return ops.multiply(ops.convert(parameter, "f32"), zero)


def _serialized(model: openvino.Model) -> tuple[str, openvino.Tensor]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "layerless.xml")
        openvino.serialize(model, file)
        weights = numpy.fromfile(file.with_suffix(".bin"), dtype=numpy.uint8)
        return file.read_text(), openvino.Tensor(weights)
