"""How local-llm comes to a model that is not in its image."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from network_policy import Peer, may_reach, pod_of

from failsoft_local_llm.preload import errand

pytestmark = pytest.mark.chart

Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]

VOLUME = "localLlm.models.storage=60Gi"
PRELOAD = f"{VOLUME},localLlm.preload.enabled=true,localLlm.model=llama-3.1-8b-instruct"


def of_kind(manifests: Manifests, kind: str) -> Manifests:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def serving(manifests: Manifests) -> dict[str, Any]:
    [found] = [
        each
        for each in of_kind(manifests, "Deployment")
        if each["metadata"]["name"] == "failsoft-local-llm"
    ]
    return found


def volume(pod: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [each for each in pod["volumes"] if each["name"] == name]
    return found


def mounts(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in pod["containers"][0]["volumeMounts"]}


@pytest.mark.parametrize(
    ("setting", "source"),
    [
        (VOLUME, {"persistentVolumeClaim": {"claimName": "failsoft-models"}}),
        (
            "localLlm.models.existingClaim=ours",
            {"persistentVolumeClaim": {"claimName": "ours"}},
        ),
        (
            "localLlm.models.image=here/llama:1",
            {"image": {"reference": "here/llama:1", "pullPolicy": "IfNotPresent"}},
        ),
    ],
    ids=["claimed", "existing", "image"],
)
def test_serving_pods_read_models_from_the_volume_and_never_write_to_it(
    defaults: Render, setting: str, source: dict[str, Any]
) -> None:
    pod = serving(defaults("--set", setting))["spec"]["template"]["spec"]

    assert volume(pod, "models") == {"name": "models", **source}
    assert mounts(pod)["models"] == {"name": "models", "mountPath": "/models", "readOnly": True}


def test_by_default_the_model_is_in_the_image(defaults: Render) -> None:
    made = defaults()

    assert of_kind(made, "PersistentVolumeClaim") == []
    assert "preload" not in str(made)
    assert "models" not in mounts(serving(made)["spec"]["template"]["spec"])


class TestPreload:
    """A Job fetches the model, so that serving pods need neither the hub nor its token."""

    TOKEN = "localLlm.preload.token.existingSecret=hub"

    @pytest.fixture
    def made(self, defaults: Render) -> Manifests:
        return defaults("--set", f"{PRELOAD},{self.TOKEN}")

    @staticmethod
    def job(manifests: Manifests) -> dict[str, Any]:
        [found] = [
            each
            for each in of_kind(manifests, "Job")
            if each["metadata"]["name"].startswith("failsoft-preload-")
        ]
        return found

    def test_it_fetches_the_model_that_is_served_to_the_volume_that_is_read(
        self, made: Manifests
    ) -> None:
        pod = self.job(made)["spec"]["template"]["spec"]
        [container] = pod["containers"]

        assert container["command"][-1] == errand.NAME
        assert container["args"][:3] == ["llama-3.1-8b-instruct", "--to", "/models"]
        assert volume(pod, "models") == volume(serving(made)["spec"]["template"]["spec"], "models")
        assert not mounts(pod)["models"].get("readOnly")
        [config] = [
            each["data"]["config.yaml"]
            for each in of_kind(made, "ConfigMap")
            if each["metadata"]["name"] == "failsoft-local-llm"
        ]
        assert 'wanted_model: "llama-3.1-8b-instruct"' in config

    def test_it_alone_has_the_hubs_token_and_as_a_file(self, made: Manifests) -> None:
        pod = self.job(made)["spec"]["template"]["spec"]
        [container] = pod["containers"]

        file = f"{mounts(pod)['hub-token']['mountPath']}/hub-token"
        assert container["args"][3:] == ["--token-file", file]
        assert "env" not in container
        assert "hub" not in str(serving(made))

    def test_it_alone_reaches_the_hub(self, made: Manifests) -> None:
        hub = Peer(address="18.164.174.118")
        fetching = pod_of(self.job(made))

        assert may_reach(made, fetching, hub, 443)
        assert not may_reach(made, fetching, Peer(address="10.0.0.1"), 443)
        assert not may_reach(made, pod_of(serving(made)), hub, 443)

    def test_another_model_is_another_job(self, defaults: Render, made: Manifests) -> None:
        """A Job cannot be changed: an upgrade would be refused."""
        other = defaults("--set", f"{PRELOAD},{self.TOKEN},localLlm.preload.hub=https://hub")

        assert self.job(other)["metadata"]["name"] != self.job(made)["metadata"]["name"]

    @pytest.mark.parametrize(
        ("settings", "rule"),
        [
            ("localLlm.gpu.count=1", "required"),
            ("localLlm.gpu.count=0", "required"),
            ("localLlm.models.accessMode=ReadWriteMany", "preferred"),
        ],
    )
    def test_it_runs_where_the_model_does(self, defaults: Render, settings: str, rule: str) -> None:
        """Else the volume would be made in a zone without a GPU, or be of another node."""
        made = defaults(
            "--set",
            f"{PRELOAD},{settings},localLlm.gpu.nodeSelector.gpu=l4,localLlm.nodeSelector.pool=ai,"
            "localLlm.tolerations[0].key=ai",
        )
        fetching = self.job(made)["spec"]["template"]["spec"]
        model = serving(made)

        for wish in ("nodeSelector", "tolerations"):
            assert fetching[wish] == model["spec"]["template"]["spec"][wish]
        [(kind, [term])] = fetching["affinity"]["podAffinity"].items()
        assert kind == f"{rule}DuringSchedulingIgnoredDuringExecution"
        term = term.get("podAffinityTerm", term)
        assert term["labelSelector"] == model["spec"]["selector"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert "nvidia.com/gpu" not in str(fetching["containers"])

    def test_without_a_pod_that_serves_it_runs_anywhere(self, defaults: Render) -> None:
        made = defaults("--set", f"{PRELOAD},localLlm.replicas=0")

        assert "affinity" not in self.job(made)["spec"]["template"]["spec"]


def test_a_roll_waits_for_a_volume_that_only_one_node_can_have(defaults: Render) -> None:
    """A new pod on another node would wait for the old one, and that for the new one."""
    for settings, lost in [(VOLUME, 1), (f"{VOLUME},localLlm.models.accessMode=ReadWriteMany", 0)]:
        rolling = serving(defaults("--set", settings))["spec"]["strategy"]["rollingUpdate"]
        assert rolling == {"maxUnavailable": lost, "maxSurge": 1 - lost}


def test_gpus_bring_shared_memory(defaults: Render) -> None:
    """Processes of one engine pass tensors through it; a container has 64 MiB by default."""
    pod = serving(defaults("--set", "localLlm.gpu.count=2,localLlm.gpu.sharedMemory=4Gi"))["spec"][
        "template"
    ]["spec"]

    assert volume(pod, "shared-memory")["emptyDir"] == {"medium": "Memory", "sizeLimit": "4Gi"}
    assert mounts(pod)["shared-memory"]["mountPath"] == "/dev/shm"  # noqa: S108
    assert "shared-memory" not in mounts(serving(defaults())["spec"]["template"]["spec"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (f"{VOLUME},localLlm.models.existingClaim=ours", "set one of existingClaim, storage"),
        ("localLlm.preload.enabled=true,localLlm.model=a", "needs a volume to write to"),
        (f"{VOLUME},localLlm.preload.enabled=true", "needs localLlm.model"),
        (f"{VOLUME},localLlm.replicas=2", "one node at a time has a ReadWriteOnce volume"),
    ],
)
def test_models_from_nowhere_or_from_two_places_are_refused(
    helm: Callable[..., CompletedProcess[str]], chart: Path, settings: str, message: str
) -> None:
    made = helm("template", "failsoft", chart, "--set", settings)

    assert made.returncode != 0
    assert message in made.stderr
