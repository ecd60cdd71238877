"""`python -m in_pods.ask grpc|openai ROUTE [WORDS]`: ask once, and print the answer as JSON.

    {"text": …, "served_by": …, "degradation": …, "hops": [[target, outcome, why], …],
     "trace_id": …}

In the same words over both front doors; `why` is the reason of a skip, or the class of an error.
A refused request is printed as {"error": …}.
"""

import json
import os
import sys
import urllib.error
import urllib.request

import grpc
from google.protobuf.descriptor import EnumDescriptor

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from in_pods import question

SECONDS = 60.0
TOKENS = 8


def main() -> None:
    door, route, *words = sys.argv[1:]
    ask = {"grpc": over_grpc, "openai": over_http}[door]
    sys.stdout.write(json.dumps(ask(route, " ".join(words) or question.words())))


def over_grpc(route: str, words: str) -> dict[str, object]:
    with grpc.insecure_channel(f"{os.environ['ROUTER']}:{question.GRPC_PORT}") as channel:
        request = pb.GenerateRequest(chat=question.chat(route, words=words, tokens=TOKENS))
        try:
            reply = InferenceServiceStub(channel).Generate(
                request, timeout=SECONDS, metadata=question.metadata()
            )
        except grpc.RpcError as error:
            return {"error": f"{error.code().name}: {error.details()}"}
    finished = reply.finished
    return {
        "text": "".join(part.text for part in reply.choices[0].message.parts),
        "served_by": finished.served_by,
        "degradation": word(chat_pb2.Degradation.DESCRIPTOR, finished.degradation),
        "hops": [hop(each) for each in finished.hops],
        "trace_id": finished.trace_id,
    }


def hop(each: walk_pb2.Hop) -> tuple[str, str, str]:
    outcome = word(walk_pb2.HopOutcome.DESCRIPTOR, each.outcome)
    why = {
        "skipped": word(walk_pb2.SkipReason.DESCRIPTOR, each.skip_reason),
        "failed": word(walk_pb2.ErrorClass.DESCRIPTOR, each.error_class),
    }
    return each.target, outcome, why.get(outcome, "")


def word(enum: EnumDescriptor, number: int) -> str:
    """`fallback_target` for `DEGRADATION_FALLBACK_TARGET`."""
    name: str = enum.values_by_number[number].name
    return name.removeprefix(enum.values_by_number[0].name.removesuffix("UNSPECIFIED")).lower()


def over_http(route: str, words: str) -> dict[str, object]:
    body = question.body(route, words=words, tokens=TOKENS, stream=False)
    request = urllib.request.Request(  # noqa: S310
        question.url(),
        data=json.dumps(body).encode(),
        headers={**question.headers(), "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310
            answer = json.load(reply)
            trace_id = reply.headers["x-failsoft-trace-id"]
    except urllib.error.HTTPError as error:
        return {"error": f"{error.code}: {error.read().decode()}"}
    facts = answer["failsoft"]
    return {
        "text": answer["choices"][0]["message"]["content"],
        "served_by": facts["served_by"],
        "degradation": facts["degradation"],
        "hops": [
            (each["target"], each["outcome"], each["skip_reason"] or each["error_class"] or "")
            for each in facts["hops"]
        ],
        "trace_id": trace_id,
    }


if __name__ == "__main__":
    main()
