"""Asks the router one question over gRPC, and another one over HTTP where that is served.

    python ask.py TOKEN_FILE GRPC_ADDRESS [HTTP_ADDRESS] [--certificate FILE NAME]

With a certificate gRPC is spoken by TLS, to a router that shows this one and has it for that name.

It exits with 1 where a question is not answered; what the answer says is nobody's business here.
"""

# ruff: noqa: T201 - what it prints is what it is for

import http.client
import json
import sys
from pathlib import Path

import grpc

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub

LIMIT = 120.0
"""Seconds for each question: a model on a busy laptop takes its time."""
QUESTION = "Say hello."
MOST_TOKENS = 16


def main() -> int:
    """The exit status."""
    arguments, certificate, name = with_certificate(sys.argv[1:])
    token_file, grpc_address, *http_addresses = arguments
    bearer = f"Bearer {Path(token_file).read_text().split()[0]}"
    with channel_to(grpc_address, certificate, name) as channel:
        stub = InferenceServiceStub(channel)
        try:
            model = default_model(stub, bearer)
            print("gRPC:", over_grpc(stub, bearer, model))
        except grpc.RpcError as error:
            return failed("gRPC", f"{error.code().name}: {error.details()}")
    for address in http_addresses:
        status, body = over_http(address, bearer, model)
        if status != http.client.OK:
            return failed("HTTP", f"{status}: {body}")
        print("HTTP: answered by", json.loads(body)["model"])
    return 0


def with_certificate(arguments: list[str]) -> tuple[list[str], str, str]:
    """The other arguments, the file and the name; both are empty without a certificate."""
    if "--certificate" not in arguments:
        return arguments, "", ""
    place = arguments.index("--certificate")
    certificate, name = arguments[place + 1 :]
    return arguments[:place], certificate, name


def channel_to(address: str, certificate: str, name: str) -> grpc.Channel:
    """A channel to the router."""
    if not certificate:
        return grpc.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(Path(certificate).read_bytes())
    options = [("grpc.ssl_target_name_override", name)]
    return grpc.secure_channel(address, credentials, options)


def default_model(stub: InferenceServiceStub, bearer: str) -> str:
    """The route that takes what names no other, or else the first one."""
    metadata = [("authorization", bearer)]
    models = stub.ListModels(pb.ListModelsRequest(), metadata=metadata, timeout=LIMIT).models
    return next((each.id for each in models if each.is_default), models[0].id)


def over_grpc(stub: InferenceServiceStub, bearer: str, model: str) -> str:
    """Who answered."""
    question = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=QUESTION)])
    request = pb.GenerateRequest(
        chat=chat_pb2.ChatRequest(
            model=model,
            messages=[question],
            sampling=chat_pb2.Sampling(max_tokens=MOST_TOKENS),
        )
    )
    reply = stub.Generate(request, metadata=[("authorization", bearer)], timeout=LIMIT)
    return f"answered by {reply.finished.served_by}, hops: {len(reply.finished.hops)}"


def over_http(address: str, bearer: str, model: str) -> tuple[int, str]:
    """The status and the body of the reply."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MOST_TOKENS,
    }
    headers = {"authorization": bearer, "content-type": "application/json"}
    connection = http.client.HTTPConnection(address, timeout=LIMIT)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def failed(way: str, why: str) -> int:
    """Says it, and gives the exit status."""
    print(f"{way}: no answer: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
