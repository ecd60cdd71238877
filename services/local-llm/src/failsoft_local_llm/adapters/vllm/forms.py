"""What holds an answer to a form, in vLLM's words."""

from vllm.sampling_params import StructuredOutputsParams

from failsoft_local_llm.core.choices import choice_grammar
from failsoft_local_llm.core.decoding import Form


def structured(form: Form | None) -> StructuredOutputsParams | None:
    """None: an answer may look like anything.

    vLLM's own way with choices writes those with a line break so that they cannot be read.
    """
    if form is None:
        return None
    if form.schema_json:
        return StructuredOutputsParams(json=form.schema_json)
    if form.regex:
        return StructuredOutputsParams(regex=form.regex)
    return StructuredOutputsParams(grammar=choice_grammar(form.choices))
