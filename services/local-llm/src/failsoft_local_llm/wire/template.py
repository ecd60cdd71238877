"""Chat templates: the model's own Jinja source, rendered where it can reach nothing.

What callers write is text to the template and to the tokenizer: it is no template source, and the
control tokens in it are cut (`wire.control`), so nobody forges a turn.
"""

from collections.abc import Sequence
from typing import NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.control import ControlTokens
from failsoft_model.chat import Message
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
        try:
            self._template = environment.from_string(facts.chat_template)
        except TemplateError as error:
            raise BadTemplate(f"the chat template cannot be compiled: {error}") from error
        self._control = ControlTokens(facts.control_texts)
        self._special = {"bos_token": facts.bos, "eos_token": facts.eos}

    def prompt(self, messages: Sequence[Message], *, continue_from: str) -> tuple[str, ...]:
        """The texts that the assistant's answer follows; see `ports.Template`."""
        defuse = self._control.defuse
        turns = [
            {"role": message.role.value, "content": defuse(message.text)} for message in messages
        ]
        try:
            rendered = self._template.render(
                messages=turns, add_generation_prompt=True, **self._special
            )
        except TemplateError as error:
            description = "the model's chat template does not take these roles in this order"
            violation = FieldViolation(field="chat.messages", description=description)
            raise InvalidRequest(description, violations=[violation]) from error
        return self._control.pieces(rendered + defuse(continue_from))


def _refuse(message: str) -> NoReturn:
    """What templates call to refuse a conversation."""
    raise TemplateError(message)
