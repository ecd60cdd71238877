"""Tool calls, by vLLM's parsers: each model family writes them in a form of its own.

A parser looks at an answer as it grows. It was made for one token at a time and says at most one
thing about each, so it is given no more than that, but for long answers. What it has not said at
the end, or not in order because calls lay close together, is taken from a second look at the whole
answer.
"""

import codecs
from collections.abc import Iterator, Sequence

import msgspec
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.exceptions import VLLMClientError
from vllm.parser.abstract_parser import Parser
from vllm.parser.parser_manager import ParserManager
from vllm.sampling_params import StructuredOutputsParams
from vllm.tokenizers import TokenizerLike

from failsoft_local_llm.adapters.vllm.forms import structured
from failsoft_local_llm.adapters.vllm.portions import Portions
from failsoft_local_llm.core.blocks import CallPiece
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.ports import FormRefused
from failsoft_model.chat import Tool, ToolChoice, ToolChoiceMode

_STRICT = "parameter"
"""Calls are held to the tools' schemas while they are generated."""


class CallReaders:
    """Makes a reader for each answer that may call tools."""

    def __init__(self, parser: str, tokenizer: TokenizerLike) -> None:
        """
        Args:
            parser: vLLM's name of it.

        Raises:
            TypeError: there is no such parser, or it cannot read what this tokenizer writes.
        """
        self._tokenizer = tokenizer
        self._parser: type[Parser] = ParserManager.get_parser(
            tool_parser_name=parser,
            enable_auto_tools=True,
            tool_strict_level=_STRICT,
            tokenizer=tokenizer,
        )

    def reader(self, order: Order) -> "CallReader":
        """For the answer to an order with tools.

        Raises:
            FormRefused: their parameters are no schemas that an answer can be held to.
        """
        try:
            request = _request(order)
            streaming = self._parser(self._tokenizer, request.tools)
            request = streaming.adjust_request(request)
        except (VLLMClientError, msgspec.DecodeError, ValueError) as error:
            raise FormRefused from error
        return CallReader(
            request, streaming=streaming, whole=self._parser(self._tokenizer, request.tools)
        )


class CallReader:
    """Finds the tool calls in one answer."""

    def __init__(self, request: ChatCompletionRequest, *, streaming: Parser, whole: Parser) -> None:
        self._request = request
        self._streaming = streaming
        self._whole = whole
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._answer: list[str] = []
        self._portions = Portions()
        self._plain = True
        """Whether what was read last is text; a parser does not read that anew."""
        self._said: dict[int, str] = {}

    @property
    def form(self) -> StructuredOutputsParams | None:
        """What the answer must look like; None: anything."""
        return self._request.structured_outputs

    def feed(self, tokens: Sequence[tuple[int, bytes]]) -> Iterator[str | CallPiece]:
        """What these tokens say: text, and pieces of calls.

        Args:
            tokens: Each with the bytes that it is spelled with.
        """
        for token, data in tokens:
            text = self._characters.decode(data)
            self._answer.append(text)
            self._portions.add(token, text)
            if self._plain or self._portions.due:
                yield from self._look(finished=False)

    def finish(self) -> Iterator[str | CallPiece]:
        """What the parser has kept back, now that the answer is over."""
        if self._portions.tokens:
            yield from self._look(finished=False)
        yield from self._look(finished=True)
        _, _, calls = self._whole.parse(
            "".join(self._answer), self._request, enable_auto_tools=True
        )
        for number, call in enumerate(calls or []):
            if number not in self._said:
                yield self._piece(number, call.arguments, id_=call.id or "", name=call.name)
            elif rest := _rest(call.arguments, said=self._said[number]):
                yield self._piece(number, rest)

    def _look(self, *, finished: bool) -> Iterator[str | CallPiece]:
        """Gives the parser its portion."""
        text, tokens = self._portions.take()
        delta = self._streaming.parse_delta(
            text, tokens, self._request, prompt_token_ids=[], finished=finished
        )
        self._plain = delta is not None and bool(delta.content)
        if delta is None:
            return
        if delta.content:
            yield delta.content
        for call in delta.tool_calls:
            function = call.function
            arguments = (function.arguments or "") if function else ""
            name = (function.name or "") if function else ""
            if call.index in self._said or (name and call.index == len(self._said)):
                yield self._piece(call.index, arguments, id_=call.id or "", name=name)

    def _piece(self, number: int, arguments: str, *, id_: str = "", name: str = "") -> CallPiece:
        self._said[number] = self._said.get(number, "") + arguments
        return CallPiece(call=number, arguments=arguments, id=id_, name=name)


def _request(order: Order) -> ChatCompletionRequest:
    """The order in OpenAI's words, as far as vLLM's parsers read it."""
    return ChatCompletionRequest(
        messages=[],
        tools=[_tool(tool) for tool in order.tools],
        tool_choice=_choice(order.tool_choice),
        structured_outputs=structured(order.decoding.form),
    )


def _tool(tool: Tool) -> dict[str, object]:
    parameters = msgspec.json.decode(tool.parameters_json) if tool.parameters_json else {}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice) -> str | dict[str, object]:
    match choice.mode:
        case ToolChoiceMode.NAMED:
            return {"type": "function", "function": {"name": choice.name}}
        case mode:
            word: str = mode.value
            return word


def _rest(arguments: str, *, said: str) -> str:
    """What of the arguments was not said yet; nothing if they were said in another form."""
    return arguments[len(said) :] if arguments.startswith(said) else ""
