"""The policies that come with the command."""

from importlib import resources

from failsoft_cli.addresses import Ports, on_loopback

CLOUD_PORT = 50070
"""Where demo.yaml has the look-alike."""


def shipped(name: str, ports: Ports, *, cloud: int = CLOUD_PORT) -> str:
    """A policy's YAML with the addresses of this run.

    Args:
        name: `default` or `demo`.
        cloud: The port of the look-alike.
    """
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    usual = Ports()
    return text.replace(on_loopback(usual.local_llm), on_loopback(ports.local_llm)).replace(
        on_loopback(CLOUD_PORT), on_loopback(cloud)
    )
