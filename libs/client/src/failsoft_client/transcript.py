"""The answer so far of a stream, right at every moment: resets take back what they void."""

from dataclasses import dataclass, field

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb


@dataclass(slots=True)
class _Block:
    """One text, reasoning, refusal or tool call, in pieces."""

    kind: str
    pieces: list[str] = field(default_factory=list)
    tool_call_id: str = ""
    tool_name: str = ""


class Transcript:
    """Collects the events of one stream."""

    def __init__(self) -> None:
        self._choices: dict[int, dict[int, _Block]] = {}
        self.finished: pb.Finished | None = None
        """The facts about the whole answer; None until it is whole."""

    def apply(self, event: pb.StreamGenerateResponse) -> None:
        """Take the next event in; events that this client does not know change nothing."""
        match event.WhichOneof("event"):
            case "delta":
                self._add(event.delta)
            case "stream_reset":
                self._take_back(event.stream_reset)
            case "finished":
                self.finished = event.finished

    @property
    def text(self) -> str:
        """The text of the first answer, as far as it has come."""
        blocks = self._choices.get(0, {})
        return "".join(_joined(block) for block in blocks.values() if block.kind == "text")

    def response(self) -> pb.GenerateResponse | None:
        """What `Generate` would have returned; None until the answer is whole."""
        if self.finished is None:
            return None
        choices = [_choice(index, self._choices[index]) for index in sorted(self._choices)]
        return pb.GenerateResponse(choices=choices or [_choice(0, {})], finished=self.finished)

    def _add(self, delta: pb.Delta) -> None:
        kind = delta.WhichOneof("content")
        if kind is None:
            return
        blocks = self._choices.setdefault(delta.choice, {})
        block = blocks.setdefault(delta.block, _Block(kind))
        match kind:
            case "text":
                block.pieces.append(delta.text)
            case "reasoning":
                block.pieces.append(delta.reasoning)
            case "refusal":
                block.pieces.append(delta.refusal)
            case "tool_call":
                block.pieces.append(delta.tool_call.arguments_json)
                block.tool_call_id = block.tool_call_id or delta.tool_call.id
                block.tool_name = block.tool_name or delta.tool_call.name

    def _take_back(self, reset: pb.StreamReset) -> None:
        blocks = self._choices.get(reset.choice, {})
        self._choices[reset.choice] = {
            index: block for index, block in blocks.items() if index < reset.from_block
        }


def _choice(index: int, blocks: dict[int, _Block]) -> pb.Choice:
    choice = pb.Choice(index=index, message=chat_pb2.Message(role=chat_pb2.ROLE_ASSISTANT))
    for block in blocks.values():
        match block.kind:
            case "text":
                choice.message.parts.add(text=_joined(block))
            case "tool_call":
                call = chat_pb2.ToolCall(
                    id=block.tool_call_id, name=block.tool_name, arguments_json=_joined(block)
                )
                choice.message.parts.add(tool_call=call)
            case "reasoning":
                choice.reasoning += _joined(block)
            case "refusal":
                choice.refusal += _joined(block)
    return choice


def _joined(block: _Block) -> str:
    return "".join(block.pieces)
