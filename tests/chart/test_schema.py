"""values.schema.json refuses what would otherwise install happily and do nothing."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytestmark = pytest.mark.chart

MISTAKES = [
    ("routers.replicas=3", "additional properties 'routers' not allowed"),
    ("router.replica=3", "additional properties 'replica' not allowed"),
    ("router.drainSecond=9", "additional properties 'drainSecond' not allowed"),
    ("router.credentials.secret=a", "additional properties 'secret' not allowed"),
    ("router.resources.limits.memry=1Gi", "additional properties 'memry' not allowed"),
    ("router.resources.limit.memory=1Gi", "additional properties 'limit' not allowed"),
    ("router.resources.limits.memory=null", "missing property 'memory'"),
    ("router.resources.limits.memory=1GB", "'1GB' does not match pattern"),
    ("router.replicas=0", "minimum: got 0, want 1"),
    ("router.replicas=two", "got string, want integer"),
    ("router.drainSeconds=30s", "got string, want integer"),
    ("router.policy=", "minLength: got 0, want 1"),
    ("cache.secret.name=a", "additional properties 'name' not allowed"),
    ("cache.secret.existingSecret=My_Secret", "'My_Secret' does not match pattern"),
    ("localllm.replicas=1", "additional properties 'localllm' not allowed"),
    ("localLlm.gpu.counts=1", "additional properties 'counts' not allowed"),
    ("localLlm.gpu.count=0.5", "got string, want integer"),
    ("localLlm.gpu.count=-1", "minimum: got -1, want 0"),
    ("localLlm.gpu.shm=1Gi", "additional properties 'shm' not allowed"),
    ("localLlm.profile=big", "value must be one of 'auto', 'primary', 'minimal'"),
    ("localLlm.models.size=60Gi", "additional properties 'size' not allowed"),
    ("localLlm.models.accessMode=RWX", "value must be one of 'ReadWriteOnce'"),
    ("localLlm.preload.model=a", "additional properties 'model' not allowed"),
    ("localLlm.preload.token.value=hf_x", "additional properties 'value' not allowed"),
    ("localLlm.startupSeconds=1", "minimum: got 1, want 10"),
    ("image.repository=a", "additional properties 'repository' not allowed"),
    ("image.registry=https://registry.example.com", "does not match pattern"),
    ("image.registry=registry.example.com/", "does not match pattern"),
    ("image.tag=1", "got number, want string"),
    ("image.digest=sha256:1", "got string, want object"),
    ("image.digest.router=sha256:1", "'sha256:1' does not match pattern"),
    ("image.pullPolicy=Sometimes", "value must be one of 'IfNotPresent', 'Always', 'Never'"),
    ("imagePullSecrets[0]=login", "got string, want object"),
    ("keepSecrets=yes", "got string, want boolean"),
    ("mtls.enable=true", "additional properties 'enable' not allowed"),
    ("mtls.duration=90d", "'90d' does not match pattern"),
    ("mtls.issuer.kind=issuer", "'issuer' does not match pattern"),
    ("mtls.existingSecrets.localllm=a", "additional properties 'localllm' not allowed"),
    ("router.tls.secret=a", "additional properties 'secret' not allowed"),
    ("router.tls.dnsNames=a", "got string, want array"),
    ("router.apiKeys.file=a", "additional properties 'file' not allowed"),
    ("serviceToken.value=hunter2", "additional properties 'value' not allowed"),
    ("valkey.url=valkey:6379", "'valkey:6379' does not match pattern"),
    ("valkey.url=valkey://user:word@valkey:6379", "does not match pattern"),
    ("telemetry.otlpEndpoint=collector:4317", "does not match pattern"),
    ("telemetry.otlpEndpoint=http://key@collector:4317", "does not match pattern"),
    ("telemetry.protocol=http", "value must be one of 'grpc', 'http/protobuf'"),
    ("telemetry.sampler=all", "value must be one of 'parentbased_always_on'"),
    ("telemetry.samplerShare=10", "maximum: got 10, want 1"),
    ("telemetry.samplerShare=1.5", "'1.5' does not match pattern"),
    ("telemetry.jaeger.enable=true", "additional properties 'enable' not allowed"),
    ("telemetry.jaeger.image=jaeger", "'jaeger' does not match pattern"),
    ("telemetry.collector.tracesTo=http://a:4317", "does not match pattern"),
    ("telemetry.collector.decisionWait=10", "got number, want string"),
    ("metrics.alert.enabled=true", "additional properties 'alert' not allowed"),
    ("metrics.dashboard.label=a", "additional properties 'label' not allowed"),
    ("metrics.enable=true", "additional properties 'enable' not allowed"),
    ("metrics.token.value=hunter2", "additional properties 'value' not allowed"),
    ("router.watchEndpoint=true", "additional properties 'watchEndpoint' not allowed"),
    ("router.http.port=80", "additional properties 'port' not allowed"),
    ("router.http.ingress.hosts[0]=a", "additional properties 'hosts' not allowed"),
    ("router.http.ingress.host=https://a", "does not match pattern"),
    ("router.http.gateway.parentRefs[0]=edge", "got string, want object"),
    ("router.http.gateway.parentRefs[0].kind=Gateway", "missing property 'name'"),
    ("valkey.own.enable=true", "additional properties 'enable' not allowed"),
    ("valkey.own.maxMemory=1Gi", "'1Gi' does not match pattern"),
    ("valkey.own.storage=1GB", "'1GB' does not match pattern"),
    ("image.digest.redis=a", "additional properties 'redis' not allowed"),
    ("priorityClass=high", "additional properties 'priorityClass' not allowed"),
    ("networkPolicy.ingress=a", "additional properties 'ingress' not allowed"),
    ("networkPolicy.callers[0].labels.a=b", "additional properties 'labels' not allowed"),
    ("networkPolicy.callers[0].podSelector.a=b", "additional properties 'a' not allowed"),
    ("networkPolicy.valkey[0].ipBlock.cidr=10.0.0.1", "'10.0.0.1' does not match pattern"),
    ("networkPolicy.providers.publicPorts[0]=0", "minimum: got 0, want 1"),
    ("networkPolicy.providers.also[0].ports[0].port=443", "missing property 'to'"),
    ("router.autoscaling.max=3", "additional properties 'max' not allowed"),
    ("router.autoscaling.maxReplicas=0", "minimum: got 0, want 1"),
    ("router.autoscaling.prometheus=prometheus:9090", "does not match pattern"),
    ("preflight.enable=false", "additional properties 'enable' not allowed"),
    ("preflight.seconds=2m", "got string, want integer"),
    ("router.tolerations[0].name=a", "additional properties 'name' not allowed"),
    ("router.affinity.node.a=b", "additional properties 'node' not allowed"),
    ("cache.nodeSelector.a=1", "got number, want string"),
    ("localLlm.gpu.resource=gpu", "'gpu' does not match pattern"),
    ("networkPolicy.dnsPorts={}", "got string, want integer"),
    ("listenOn=127.0.0.1", "value must be one of '0.0.0.0', '[::]'"),
    ("cache.autoscaling.prometheus=a", "additional properties 'prometheus' not allowed"),
    ("valkey.ca.file=a", "additional properties 'file' not allowed"),
    ("minReadySeconds=-1", "minimum: got -1, want 0"),
    ("image.pullSeconds=10m", "got string, want integer"),
    ("preStopSeconds=0", "minimum: got 0, want 1"),
]


@pytest.mark.parametrize(("setting", "message"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_in_the_values_is_refused_and_named(
    helm: Callable[..., CompletedProcess[str]], chart: Path, setting: str, message: str
) -> None:
    made = helm("template", "failsoft", chart, "--set", setting)

    assert made.returncode != 0
    assert message in made.stderr


def test_nobody_to_ask_for_names_is_refused(
    helm: Callable[..., CompletedProcess[str]], chart: Path
) -> None:
    """A rule without peers is one for the whole world."""
    made = helm("template", "failsoft", chart, "--set-json", "networkPolicy.dns=[]")

    assert made.returncode != 0
    assert "minItems: got 0, want 1" in made.stderr


def test_an_amount_may_be_a_number(helm: Callable[..., CompletedProcess[str]], chart: Path) -> None:
    """`--set` makes one of `2`, and Kubernetes takes it."""
    made = helm("template", "failsoft", chart, "--set", "router.resources.requests.cpu=2")

    assert made.returncode == 0, made.stderr
    assert "cpu: 2\n" in made.stdout


def test_a_chart_may_include_this_one(
    helm: Callable[..., CompletedProcess[str]], chart: Path
) -> None:
    """Helm then adds `global`, which a strict schema would refuse."""
    made = helm("template", "failsoft", chart, "--set", "global.team=search")

    assert made.returncode == 0, made.stderr


def test_no_object_of_the_values_takes_unknown_keys(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    lax = {
        where: node
        for where, node in _objects(schema, "")
        if node.get("additionalProperties", True)
    }

    assert list(lax) == [
        "/properties/global",
        "/definitions/affinity/properties/nodeAffinity",
        "/definitions/affinity/properties/podAffinity",
        "/definitions/affinity/properties/podAntiAffinity",
        "/definitions/texts",
    ]
    assert all(
        node.get("additionalProperties", {"type": "string"}) == {"type": "string"}
        for node in lax.values()
    )


def _objects(node: object, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of the schema that describes an object, with its JSON pointer."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield where, node
        for key, value in node.items():
            yield from _objects(value, f"{where}/{key}")
