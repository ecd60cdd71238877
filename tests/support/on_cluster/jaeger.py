"""A Jaeger that runs in the cluster already."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from on_cluster.kubectl import CommandFailed, Namespace

VARIABLE = "JAEGER_SERVICE"
USUAL = "observability/jaeger"
QUERY_PORT, OTLP_PORT = 16686, 4317
END_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JaegerService:
    """Its Service, which takes spans over gRPC and answers queries."""

    namespace: Namespace
    name: str

    @property
    def otlp_endpoint(self) -> str:
        """Where pods send their spans."""
        return f"http://{self.name}.{self.namespace.name}:{OTLP_PORT}"

    @contextmanager
    def query_url(self) -> Iterator[str]:
        """Where it can be asked from here, while the block lasts."""
        forward = subprocess.Popen(
            [
                *("kubectl", "--namespace", self.namespace.name, "port-forward"),
                *(f"service/{self.name}", f":{QUERY_PORT}"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert forward.stdout is not None
            said = forward.stdout.readline()
            found = re.search(r"127\.0\.0\.1:\d+", said)
            assert found is not None, said
            yield f"http://{found[0]}"
        finally:
            forward.terminate()
            forward.communicate(timeout=END_SECONDS)


def find_jaeger() -> JaegerService | None:
    """The Service that JAEGER_SERVICE names as `namespace/name`; None: it is not there."""
    space, _, name = os.environ.get(VARIABLE, USUAL).partition("/")
    namespace = Namespace(name=space)
    try:
        namespace.get("service", name)
    except CommandFailed:
        return None
    return JaegerService(namespace=namespace, name=name)
