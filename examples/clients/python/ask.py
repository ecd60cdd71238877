"""Ask a running Failsoft twice, whole and in pieces, and say who answered."""

import argparse
import os
import sys

from failsoft.inference.v1.walk_pb2 import HopOutcome
from failsoft_client import Client, FailsoftRpcError, Reply, word


def facts(reply: Reply) -> str:
    """Who served, how good it is, and what came before."""
    hops = ", ".join(
        [f"{hop.target} {word(HopOutcome.DESCRIPTOR, hop.outcome)}" for hop in reply.hops]
    )
    return f"[served by {reply.served_by} ({reply.model}), degradation {reply.degradation}; {hops}]"


def ask_whole(client: Client, question: str, model: str) -> None:
    reply = client.generate(question, model=model, max_tokens=64)
    print(reply.text)
    print(facts(reply))


def ask_in_pieces(client: Client, question: str, model: str) -> None:
    with client.stream(question, model=model, max_tokens=64) as stream:
        for event in stream:
            match event.WhichOneof("event"):
                case "delta":
                    print(event.delta.text, end="", flush=True)
                case "stream_reset":
                    print("\n[another target starts again]")
        print()
        if stream.reply is not None:
            print(facts(stream.reply))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    address = os.environ.get("FAILSOFT_ADDRESS", "127.0.0.1:50050")
    parser.add_argument(
        "--address", default=address, help="default: $FAILSOFT_ADDRESS, %(default)s"
    )
    parser.add_argument("--model", default="", help="a route or model; default: the default route")
    parser.add_argument("question", nargs="?", default="What is the capital of France?")
    arguments = parser.parse_args()
    with Client(arguments.address, timeout=60) as client:
        try:
            ask_whole(client, arguments.question, arguments.model)
            ask_in_pieces(client, arguments.question, arguments.model)
        except FailsoftRpcError as error:
            for hop in error.hops:
                print(
                    f"  {hop.target}: {word(HopOutcome.DESCRIPTOR, hop.outcome)}", file=sys.stderr
                )
            sys.exit(str(error))


if __name__ == "__main__":
    main()
