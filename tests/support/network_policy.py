"""Who may reach whom under the NetworkPolicies of a release, as Kubernetes would enforce them."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAME = "kubernetes.io/metadata.name"
"""The label that each namespace has by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A pod, or an address outside of the cluster.

    Attributes:
        address: Where it is.
        namespace: Of the pod; empty: it is none.
        labels: The pod's.
        ports: The numbers of its ports that have a name.
    """

    address: str = "10.1.0.1"
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


def pod_of(workload: Mapping[str, Any], *, namespace: str = "failsoft") -> Peer:
    """A pod of a Deployment, a StatefulSet or a Job."""
    template = workload["spec"]["template"]
    return Peer(
        namespace=namespace,
        labels=template["metadata"]["labels"],
        ports={
            port["name"]: port["containerPort"]
            for container in template["spec"]["containers"]
            for port in container.get("ports", ())
        },
    )


def may_reach(
    manifests: Iterable[Mapping[str, Any]], source: Peer, target: Peer, port: int
) -> bool:
    """Whether a TCP connection from one to the other is let through, on both sides.

    Args:
        manifests: A release in namespace `failsoft`; its NetworkPolicies count.
    """
    policies = [manifest["spec"] for manifest in manifests if manifest["kind"] == "NetworkPolicy"]
    leaves = _allows(policies, source, "Egress", other=target, named=target, port=port)
    enters = _allows(policies, target, "Ingress", other=source, named=target, port=port)
    return leaves and enters


def _allows(
    policies: Sequence[Mapping[str, Any]],
    pod: Peer,
    direction: str,
    *,
    other: Peer,
    named: Peer,
    port: int,
) -> bool:
    """Whether the policies about a pod let its side of the connection pass."""
    about = [
        policy
        for policy in policies
        if direction in policy["policyTypes"]
        and pod.namespace == "failsoft"
        and _selects(policy["podSelector"], pod.labels)
    ]
    peers = "to" if direction == "Egress" else "from"
    return not about or any(
        _is_one(rule.get(peers), other) and _is_port(rule.get("ports"), port, named)
        for policy in about
        for rule in policy.get(direction.lower(), ())
    )


def _is_port(ports: Sequence[Mapping[str, Any]] | None, port: int, target: Peer) -> bool:
    return not ports or any(
        each.get("protocol", "TCP") == "TCP"
        and port == target.ports.get(each["port"], each["port"])
        for each in ports
    )


def _is_one(peers: Sequence[Mapping[str, Any]] | None, other: Peer) -> bool:
    return not peers or any(_is(peer, other) for peer in peers)


def _is(peer: Mapping[str, Any], other: Peer) -> bool:
    if "ipBlock" in peer:
        return _is_in(peer["ipBlock"], other.address)
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        here = _selects(peer["namespaceSelector"], {NAME: other.namespace})
    else:
        here = other.namespace == "failsoft"
    return here and _selects(peer.get("podSelector", {}), other.labels)


def _is_in(block: Mapping[str, Any], address: str) -> bool:
    there = ipaddress.ip_address(address)
    return there in ipaddress.ip_network(block["cidr"]) and not any(
        there in ipaddress.ip_network(each) for each in block.get("except", ())
    )


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        each["operator"] == "In" and labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", ())
    )
