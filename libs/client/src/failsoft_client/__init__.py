"""Ask Failsoft from Python: `Client` for threads, `failsoft_client.aio.Client` for asyncio."""

from failsoft_client.connection import Tls
from failsoft_client.errors import FailsoftRpcError, Violation
from failsoft_client.question import Options, Question, assistant, system, user
from failsoft_client.reply import Reply
from failsoft_client.sync import Client, Stream
from failsoft_client.transcript import Transcript
from failsoft_client.words import word

__all__ = [
    "Client",
    "FailsoftRpcError",
    "Options",
    "Question",
    "Reply",
    "Stream",
    "Tls",
    "Transcript",
    "Violation",
    "assistant",
    "system",
    "user",
    "word",
]
