"""Chat templates: the model's own Jinja source, rendered where it can reach nothing.

What callers write is text to the template and to the tokenizer: it is no template source, and the
control tokens in it are cut (`wire.control`), so nobody forges a turn.
"""

import json
from collections.abc import Sequence
from typing import NoReturn

from jinja2 import TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.control import ControlTokens
from failsoft_local_llm.wire.turns import Json, functions, turns
from failsoft_model.chat import Message, Tool
from failsoft_model.errors import FieldViolation, InvalidRequest


class BadTemplate(ValueError):
    """The model's chat template is no Jinja source that can be rendered."""


class ChatTemplate:
    """One model's template, compiled once."""

    def __init__(self, facts: ModelFacts) -> None:
        """
        Raises:
            BadTemplate: the source cannot be compiled.
        """
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        environment.filters["tojson"] = _json
        try:
            self._template = environment.from_string(facts.chat_template)
            names = meta.find_undeclared_variables(environment.parse(facts.chat_template))
        except TemplateError as error:
            raise BadTemplate(f"the chat template cannot be compiled: {error}") from error
        self._control = ControlTokens(facts.control_texts)
        self._special = {"bos_token": facts.bos, "eos_token": facts.eos}
        self.takes_tools = "tools" in names
        """Whether the model is told which tools there are."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[Tool] = ()
    ) -> tuple[str, ...]:
        """The texts that the assistant's answer follows; see `ports.Template`."""
        defuse = self._control.defuse
        try:
            rendered = self._template.render(
                messages=turns(messages, defuse),
                tools=functions(tools, defuse),
                add_generation_prompt=True,
                **self._special,
            )
        except TemplateError as error:
            description = "the model's chat template does not take these roles in this order"
            violation = FieldViolation(field="chat.messages", description=description)
            raise InvalidRequest(description, violations=[violation]) from error
        return self._control.pieces(rendered + defuse(continue_from))


def _json(value: Json, indent: int | None = None) -> str:
    """Jinja's own filter writes for HTML, which models were not trained on."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    """What templates call to refuse a conversation."""
    raise TemplateError(message)
