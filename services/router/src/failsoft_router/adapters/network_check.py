"""What is wrong with the way to a target in somebody else's network: its proxy, its authority.

Everything here reads raw YAML values, as `policy_check` does.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from failsoft_kit.settings.document import Trail
from failsoft_router.adapters.addresses import host_of
from failsoft_router.adapters.certificates import NoCertificates, read_certificates
from failsoft_router.adapters.endpoint_check import Mistake, Raw
from failsoft_router.core.policy import Provider


def of_network(here: Trail, target: Raw, *, folder: Path) -> Iterator[Mistake]:
    """What is wrong with the way to the target at this place.

    Args:
        folder: Where relative paths begin.
    """
    proxy, ca_file = target.get("proxy", ""), target.get("ca_file", "")
    if isinstance(proxy, str) and proxy:
        yield from _of_proxy((*here, "proxy"), proxy, target)
    elif target.get("proxy_credential") is not None:
        yield (*here, "proxy_credential"), "is for a `proxy`, and there is none"
    if isinstance(ca_file, str) and ca_file:
        yield from _of_authority((*here, "ca_file"), folder / ca_file, target)


def _of_proxy(here: Trail, proxy: str, target: Raw) -> Iterator[Mistake]:
    if target.get("provider") == Provider.FAILSOFT.value:
        yield here, "is for providers over HTTP; our own services are called directly"
    elif "@" in proxy:
        yield here, "must not hold a password; name its place in `proxy_credential`"
    elif host_of(proxy) is None or urlsplit(proxy).scheme != "http":
        yield here, "must be the URL of an HTTP proxy, such as `http://proxy.example:3128`"


def _of_authority(here: Trail, file: Path, target: Raw) -> Iterator[Mistake]:
    if not _by_tls(target):
        yield here, "vouches for nobody: the target is not called by TLS"
        return
    try:
        read_certificates(file)
    except NoCertificates as problem:
        yield here, problem.problem


def _by_tls(target: Raw) -> bool:
    if target.get("provider") == Provider.FAILSOFT.value:
        return target.get("tls") is True
    endpoint = target.get("endpoint") or "https:"
    return isinstance(endpoint, str) and urlsplit(endpoint).scheme == "https"
