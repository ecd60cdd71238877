"""What is asked, and over which front door."""

import os
import secrets

from failsoft.inference.v1 import chat_pb2

GRPC_PORT = 50050
HTTP_PORT = 50080


def metadata() -> tuple[tuple[str, str], ...]:
    """What a gRPC call shows."""
    return (("authorization", f"Bearer {os.environ['KEY']}"),)


def headers() -> dict[str, str]:
    """What an HTTP request shows."""
    return {"authorization": f"Bearer {os.environ['KEY']}"}


def url(host: str = "") -> str:
    """Where OpenAI's clients ask; without a host, at the routers' Service."""
    return f"http://{host or os.environ['ROUTER']}:{HTTP_PORT}/v1/chat/completions"


def words() -> str:
    """A question that nobody has asked before, so that no stored answer fits."""
    return f"Say a word, number {secrets.token_hex(4)}."


def chat(route: str, *, words: str, tokens: int) -> chat_pb2.ChatRequest:
    """
    Args:
        tokens: That the answer may have.
    """
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=words)])
    sampling = chat_pb2.Sampling(temperature=1.0, max_tokens=tokens)
    return chat_pb2.ChatRequest(model=route, messages=[message], sampling=sampling)


def body(route: str, *, words: str, tokens: int, stream: bool) -> dict[str, object]:
    """The same in OpenAI's words."""
    return {
        "model": route,
        "messages": [{"role": "user", "content": words}],
        "temperature": 1.0,
        "max_tokens": tokens,
        "stream": stream,
    }
