"""The operator's own models: a YAML file, checked as a whole, put in front of our catalogue.

models:
  my-llama:
    parameters: 8030261248
    context_tokens: 131072
    architecture: {layers: 32, hidden: 4096, kv_heads: 8, head_dim: 128, vocabulary: 128256}
    weights:
      my-llama-q4:
        format: gguf
        quantisation: q4
        directory: /models/my-llama
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from failsoft_kit.settings import Settings, SettingsError
from failsoft_kit.settings.document import Trail, read_content
from failsoft_kit.settings.whole import load_content
from failsoft_local_llm.core.catalogue import (
    Architecture,
    Catalogue,
    Directory,
    File,
    Format,
    Hub,
    Licence,
    Model,
    Origin,
    Quantisation,
    Weights,
)
from failsoft_model.walk import Capability

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
"""Of weights a folder is named, so there is no slash in it, and no dot at its beginning."""

_PATH = r"^[^/\\.][^/\\]*(/[^/\\.][^/\\]*)*$"
"""No part begins with a dot, so that nothing can leave the folder that it is put into."""


class _Architecture(Settings):
    layers: Count = Field(description="Transformer blocks.")
    hidden: Count = Field(description="Numbers that a token is inside the model.")
    kv_heads: Count = Field(description="Heads of keys and values.")
    head_dim: Count = Field(description="Numbers in a head.")
    vocabulary: Count = Field(description="Tokens that it knows.")
    tied: bool = Field(default=False, description="Whether output layer and embedding are one.")


class _File(Settings):
    path: Annotated[str, Field(pattern=_PATH)] = Field(description="From the top of the source.")
    size: int | None = Field(default=None, ge=0, description="Bytes.")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="Checksum of its content."
    )


class _Licence(Settings):
    name: str = Field(description="An SPDX identifier, or the hub's word for it.")
    url: str = Field(default="", description="Its text.")
    accept_at: str | None = Field(default=None, description="Page on which it must be accepted.")


class _Weights(Settings):
    format: Format = Field(description="How they are stored.")
    quantisation: Quantisation = Field(default=Quantisation.NONE, description="Their precision.")
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = Field(
        default=None, description="Repository of the hub, `owner/name`."
    )
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None = Field(
        default=None, description="Commit of the repository."
    )
    directory: str | None = Field(default=None, description="Folder that they are in already.")
    files: tuple[_File, ...] = Field(default=(), description="All files; none: the source's list.")
    licence: _Licence = Field(
        default=_Licence(name="unknown"), description="What the user agrees to."
    )
    ungated: str | None = Field(default=None, description="Weights to take without the licence.")

    @model_validator(mode="after")
    def _has_one_source(self) -> "_Weights":
        if (self.repo is None) == (self.directory is None):
            raise ValueError("must have either `repo` or `directory`")
        if self.revision is not None and self.repo is None:
            raise ValueError("`revision` needs `repo`")
        return self

    def source(self) -> Origin:
        """Where they come from."""
        if self.directory is not None:
            return Directory(path=self.directory)
        return Hub(repo=self.repo or "", revision=self.revision)


class _Model(Settings):
    parameters: Count = Field(description="Numbers in all its weights.")
    context_tokens: Count = Field(description="Conversation and answer together.")
    architecture: _Architecture = Field(description="What its sizes follow from.")
    capabilities: frozenset[Capability] = Field(
        default=frozenset({Capability.CONTINUE}), description="What it can do."
    )
    tool_parser: str | None = Field(default=None, description="vLLM's parser of its tool calls.")
    weights: dict[Name, _Weights] = Field(min_length=1, description="The default first.")


class _Catalogue(Settings):
    models: dict[Name, _Model] = Field(min_length=1, description="By the name callers use.")


def read_catalogue(file: Path, known: Catalogue) -> Catalogue:
    """The operator's models and those that are known, of which theirs replace those of a name.

    Raises:
        SettingsError: with every mistake in the file.
    """
    content = load_content(_Catalogue, read_content(file), name=str(file), check=_twice)
    more = [
        _weights(name, model, each)
        for each_name, each_model in content.models.items()
        for model in [_model(each_name, each_model)]
        for name, each in each_model.weights.items()
    ]
    try:
        return known.with_more(more)
    except ValueError as error:
        raise SettingsError(f"{file}: {error}") from error


def _twice(values: Mapping[str, object]) -> Iterator[tuple[Trail, str]]:
    """Weights of one name in two models."""
    seen: dict[str, str] = {}
    models = values.get("models")
    for model, fields in models.items() if isinstance(models, dict) else ():
        weights = fields.get("weights") if isinstance(fields, dict) else None
        for name in weights if isinstance(weights, dict) else ():
            first = seen.setdefault(name, model)
            if first != model:
                yield ("models", model, "weights", name), f"is the name of weights of `{first}` too"


def _model(name: str, given: _Model) -> Model:
    shape = given.architecture
    return Model(
        name=name,
        parameters=given.parameters,
        context_tokens=given.context_tokens,
        architecture=Architecture(
            layers=shape.layers,
            hidden=shape.hidden,
            kv_heads=shape.kv_heads,
            head_dim=shape.head_dim,
            vocabulary=shape.vocabulary,
            tied=shape.tied,
        ),
        capabilities=given.capabilities,
        tool_parser=given.tool_parser,
    )


def _weights(name: str, model: Model, given: _Weights) -> Weights:
    licence = given.licence
    return Weights(
        name=name,
        model=model,
        format=given.format,
        quantisation=given.quantisation,
        source=given.source(),
        licence=Licence(name=licence.name, url=licence.url, accept_at=licence.accept_at),
        files=tuple(
            File(path=file.path, size=file.size, sha256=file.sha256) for file in given.files
        ),
        ungated=given.ungated,
    )
