"""The policy's file is read again and again, whatever it holds meanwhile."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from failsoft_kit.settings import SettingsError
from failsoft_kit.testing import virtual_time
from failsoft_model.errors import FieldViolation
from failsoft_router.adapters.policy_source import UNREADABLE, PolicyFile
from failsoft_router.adapters.resolver import LOOK_UP_SECONDS, addresses_of
from failsoft_router.core.errors import PolicyRefused

GOOD = """
targets:
  a: {provider: openai, model: m}
routes:
  chat: {hops: [a]}
"""
BAD = """
targets:
  a: {provider: openai, model: m, limits: {connect: 3}, modelx: x}
routes:
  chat: {hops: [a, b]}
"""

Write = Callable[[str], object]


NOBODY: Mapping[str, str] = {}


class Names(AbstractResolver):
    """Knows some names; `silent` ones are never answered."""

    def __init__(
        self, known: Mapping[str, str] = NOBODY, *, silent: frozenset[str] = frozenset()
    ) -> None:
        self._known = known
        self._silent = silent
        self.asked: set[str] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.add(host)
        if host in self._silent:
            await asyncio.Event().wait()
        if host not in self._known:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host, host=self._known[host], port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


@pytest.fixture
def write(path: Path) -> Write:
    """Writes the policy, in place."""
    return path.write_text


async def test_what_is_written_now_is_read(path: Path, write: Write) -> None:
    file = PolicyFile(path, resolver=Names())
    write(GOOD)
    first = await file.read()
    write(GOOD.replace("model: m", "model: n"))

    second = await file.read()

    assert [each.policy.targets["a"].model for each in (first, second)] == ["m", "n"]
    assert first.digest != second.digest


async def test_the_digest_is_that_of_what_would_be_read(path: Path, write: Write) -> None:
    write(GOOD)
    file = PolicyFile(path, resolver=Names())

    assert await file.digest() == file.load().digest == (await file.read()).digest


async def test_every_mistake_has_its_path_and_what_is_allowed(path: Path, write: Write) -> None:
    write(BAD)
    file = PolicyFile(path, resolver=Names())

    with pytest.raises(PolicyRefused) as refusal:
        await file.read()

    assert {each.field: each.description for each in refusal.value.violations} == {
        "targets.a.limits.connect": "must be a number with a unit,"
        f" such as 250ms, 30s, 5m, 2h or 1d, got 3 ({path}, line 3)",
        "targets.a.modelx": f"is unknown; did you mean `model`? ({path}, line 3)",
        "routes.chat.hops[1]": "names `b`, which is no target;"
        f" known are `a`, `cache`, `mock` ({path}, line 5)",
    }
    assert refusal.value.message == f"policy {await file.digest()} has 3 mistakes"


async def test_an_empty_moment_is_a_refusal_like_any(path: Path, write: Write) -> None:
    """Editors and shells empty a file before they write it."""
    write("")

    with pytest.raises(PolicyRefused) as refusal:
        await PolicyFile(path, resolver=Names()).read()

    assert [each.field for each in refusal.value.violations] == ["targets", "routes"]


async def test_what_is_no_yaml_has_one_mistake_without_a_path(path: Path, write: Write) -> None:
    write("targets: {")

    with pytest.raises(PolicyRefused) as refusal:
        await PolicyFile(path, resolver=Names()).read()

    (violation,) = refusal.value.violations
    assert violation.field == ""
    assert violation.description.startswith(f"{path}, line 1: is not valid YAML")


async def test_a_file_that_is_gone_is_refused_and_told_from_an_empty_one(
    path: Path,
) -> None:
    file = PolicyFile(path, resolver=Names())

    with pytest.raises(PolicyRefused) as refusal:
        await file.read()

    assert refusal.value.digest == await file.digest() == UNREADABLE
    assert refusal.value.violations == (
        FieldViolation(field="", description=f"{path}: cannot be read: No such file or directory"),
    )


def test_a_router_does_not_start_with_a_bad_policy(path: Path, write: Write) -> None:
    write(BAD)

    with pytest.raises(SettingsError) as refusal:
        PolicyFile(path, resolver=Names()).load()

    assert len(refusal.value.problems) == 3


@pytest.mark.parametrize("key", ["sk-canary", "[sk-canary]"], ids=["text", "list"])
async def test_a_key_that_was_written_into_the_policy_is_not_repeated(
    path: Path, write: Write, key: str
) -> None:
    """What is wrong with it is logged and told to operators."""
    write(GOOD.replace("model: m", f"model: m, credential: {key}"))

    with pytest.raises(PolicyRefused) as refusal:
        await PolicyFile(path, resolver=Names()).read()

    (violation,) = refusal.value.violations
    assert "canary" not in violation.description


# Where its hosts are.

CORPORATE = """
targets:
  corp: {provider: openai, model: m, endpoint: "http://corp.example.com/v1", allow_private: true}
  away: {provider: openai, model: m, endpoint: "https://away.example.com/v1"}
  near: {provider: openai, model: m, endpoint: "http://127.0.0.1:9/v1", allow_private: true}
  ours: {provider: failsoft, model: m, endpoint: "dns:///router.example.com:50050"}
routes:
  chat: {hops: [corp]}
"""


async def test_only_what_a_name_alone_does_not_say_is_looked_up(path: Path, write: Write) -> None:
    names = Names({"corp.example.com": "10.1.2.3"})
    write(CORPORATE)

    written = await PolicyFile(path, resolver=names).read()

    assert written.addresses == {"corp.example.com": ("10.1.2.3",)}
    assert names.asked == {"corp.example.com", "away.example.com"}


@virtual_time.test
async def test_a_resolver_that_says_nothing_keeps_no_router_from_starting() -> None:
    names = Names({"a": "10.1.2.3"}, silent=frozenset({"b"}))
    began = asyncio.get_running_loop().time()

    assert await addresses_of(["a", "b"], resolver=names) == {"a": ("10.1.2.3",)}

    assert asyncio.get_running_loop().time() - began == LOOK_UP_SECONDS


async def test_a_name_that_cannot_even_be_asked_for_is_one_that_is_not_known() -> None:
    hosts = ["api..example.com", f"{'x' * 64}.example.com"]

    assert await addresses_of(hosts, resolver=ThreadedResolver()) == {}
