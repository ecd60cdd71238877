"""Filling a folder from a hub that behaves, and from one that does not."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hub_lookalike import Asked, Gate, Hub

from failsoft_local_llm.adapters.store.folder import Folder
from failsoft_local_llm.core.store.files import Evidence, NotStored
from failsoft_local_llm.core.store.manifest import COMPLETE, MANIFEST, Manifest
from failsoft_local_llm.preload.fill import AT_ONCE

pytestmark = pytest.mark.integration

FillFolder = Callable[..., Awaitable[Manifest]]
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


class Shown(Protocol):
    """What the progress has kept."""

    done: int
    total: int | None
    lines: list[str]


def in_folder(folder: Path) -> dict[str, bytes]:
    hidden = {COMPLETE, MANIFEST}
    return {
        place.relative_to(folder).as_posix(): place.read_bytes()
        for place in folder.rglob("*")
        if place.is_file() and place.name not in hidden
    }


async def test_weights_tokenizer_and_configuration_come_and_nothing_else(
    fill: FillFolder, folder: Folder, taken: Mapping[str, bytes], progress: Shown
) -> None:
    """Pickles and modules can hold code, so they are not even fetched."""
    manifest = await fill()

    assert in_folder(folder.path) == taken
    assert folder.is_marked
    assert folder.manifest() == manifest
    assert progress.done == progress.total == sum(map(len, taken.values()))


async def test_the_manifest_says_what_was_read_and_who_vouches_for_it(
    fill: FillFolder, folder: Folder, taken: Mapping[str, bytes]
) -> None:
    await fill()

    record = json.loads(folder.place(MANIFEST).read_bytes())
    assert record["revision"] == "1" * 40
    assert {each["path"]: each["sha256"] for each in record["files"]} == {
        path: hashlib.sha256(content).hexdigest() for path, content in taken.items()
    }
    assert {each["evidence"] for each in record["files"]} == {Evidence.SOURCE.value}


async def test_a_cut_transfer_goes_on_where_it_was_cut(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    hub.cuts.extend([0, 100_000, 200_000, 300_000])

    await fill()

    assert in_folder(folder.path) == taken
    assert hub.sent.total() == sum(map(len, taken.values()))
    assert any(asked.start for asked in hub.asked)


async def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_again(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes], progress: Shown
) -> None:
    hub.by_range = False
    hub.cuts.extend([150_000, 150_000])

    await fill()

    assert in_folder(folder.path) == taken
    assert progress.done == progress.total


async def test_a_transfer_that_never_goes_on_is_given_up(
    fill: FillFolder, folder: Folder, hub: Hub
) -> None:
    hub.cuts.extend([0] * 1000)

    with pytest.raises(NotStored) as refusal:
        await fill(tries=4)

    assert hub.url in str(refusal.value)
    assert not folder.is_marked


async def test_a_peer_that_falls_silent_is_left_and_asked_again(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    hub.stalls = 2

    await fill(stall_seconds=0.5)

    assert in_folder(folder.path) == taken


async def test_files_are_fetched_a_few_at_a_time(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    hub.meeting = asyncio.Barrier(AT_ONCE)

    await fill()

    assert in_folder(folder.path) == taken


async def test_a_hub_that_is_busy_is_asked_again(fill: FillFolder, hub: Hub) -> None:
    hub.refusals.extend([503, 429])

    assert (await fill()).revision == hub.commit


@pytest.mark.parametrize("path", [FIRST, "config.json"])
async def test_a_wrong_byte_is_found_and_its_file_named(
    fill: FillFolder, folder: Folder, hub: Hub, path: str
) -> None:
    """Big files are known by their sha256, small ones by git's name of their content."""
    content = bytearray(hub.files[path])
    content[len(content) // 2] ^= 1
    hub.served[path] = bytes(content)

    with pytest.raises(NotStored) as refusal:
        await fill()

    assert path in str(refusal.value)
    assert not folder.is_marked
    assert path not in in_folder(folder.path)


async def test_a_wrong_byte_that_an_earlier_process_left_costs_one_more_transfer(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    """A loss of power can leave zeros where bytes were written."""
    folder.path.mkdir(parents=True)
    folder.place(f"{FIRST}.partial").write_bytes(bytes(1_000_000))

    await fill()

    assert in_folder(folder.path) == taken
    starts = [asked.start for asked in hub.asked if asked.path == FIRST]
    assert starts == [1_000_000, 0]


async def test_a_partial_file_that_is_too_long_is_of_no_use(
    fill: FillFolder, folder: Folder, taken: Mapping[str, bytes]
) -> None:
    folder.path.mkdir(parents=True)
    folder.place("config.json.partial").write_bytes(bytes(1000))

    await fill()

    assert in_folder(folder.path) == taken


async def test_a_file_that_was_damaged_on_disk_is_fetched_again_and_only_that(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    await fill()
    hub.asked.clear()
    folder.place(SECOND).write_bytes(bytes(len(taken[SECOND])))

    await fill()

    assert in_folder(folder.path) == taken
    assert hub.asked == [Asked(path=SECOND, start=0)]


async def test_a_disk_that_is_too_small_is_told_before_the_first_byte(
    fill: FillFolder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    needed = sum(map(len, taken.values()))

    with pytest.raises(NotStored) as refusal:
        await fill(free=needed - (1 << 20))

    assert "4 MiB free" in str(refusal.value)
    assert "5 MiB more are needed" in str(refusal.value)
    assert hub.asked == []


async def test_what_is_there_already_needs_no_space(
    fill: FillFolder, folder: Folder, taken: Mapping[str, bytes]
) -> None:
    folder.path.mkdir(parents=True)
    folder.place(FIRST).write_bytes(taken[FIRST])
    folder.place(f"{SECOND}.partial").write_bytes(taken[SECOND][:1000])

    left = sum(map(len, taken.values())) - len(taken[FIRST]) - 1000

    with pytest.raises(NotStored):
        await fill(free=left - 1)
    await fill(free=left)


async def test_without_sizes_the_architecture_tells_what_will_be_needed(
    fill: FillFolder, hub: Hub
) -> None:
    """Mirrors need not pass metadata on; 1 000 000 parameters take 2 MB."""
    hub.with_metadata = False

    with pytest.raises(NotStored):
        await fill(free=1_000_000)

    manifest = await fill(free=3_000_000)
    assert {file.evidence for file in manifest.files} == {Evidence.NOBODY}


async def test_a_file_that_nobody_knows_the_size_of_has_an_end(
    fill: FillFolder, folder: Folder, hub: Hub
) -> None:
    """A mirror that sends zeros for ever would fill the disk of everybody on the machine."""
    hub.with_metadata = False
    hub.served["config.json"] = bytes(96 * 1024 * 1024)

    with pytest.raises(NotStored) as refusal:
        await fill()

    assert "config.json" in str(refusal.value)
    assert not folder.is_marked
    assert "config.json.partial" not in in_folder(folder.path)


async def test_what_an_earlier_edition_has_left_is_deleted(
    fill: FillFolder, folder: Folder, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    """Engines believe an index that they find, and load the parts that it names."""
    await fill()
    index = "model.safetensors.index.json"
    folder.place("model-00003-of-00003.safetensors.partial").write_bytes(b"half")
    folder.place("notes.txt").write_bytes(b"an operator's own")
    hub.files = {path: content for path, content in hub.files.items() if path != index}

    manifest = await fill()

    expected = {path for path in taken if path != index}
    assert {file.path for file in manifest.files} == expected
    assert in_folder(folder.path).keys() == expected | {"notes.txt"}


async def test_files_that_are_always_somewhere_else_are_given_up(
    fill: FillFolder, hub: Hub
) -> None:
    hub.in_circles = True

    with pytest.raises(NotStored) as refusal:
        await fill()

    assert "HF_ENDPOINT" in str(refusal.value)


async def test_a_token_is_not_sent_to_where_the_hub_redirects(fill: FillFolder, hub: Hub) -> None:
    hub.gate = Gate(known=frozenset({"hf_mine"}), accepted=frozenset({"hf_mine"}))

    await fill(token="hf_mine")

    assert hub.sent
    assert not hub.authorized_elsewhere


@pytest.mark.parametrize("token", [None, "hf_other"])
async def test_who_has_not_accepted_the_licence_is_told_where_and_what_else_there_is(
    fill: FillFolder, hub: Hub, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    hub.gate = Gate(known=frozenset({"hf_other"}))

    with pytest.raises(NotStored) as refusal:
        await fill(token=token)

    assert "https://hub.example/somebody/tiny-llama" in str(refusal.value)
    assert "tiny-open" in str(refusal.value)
    assert "--token-file" in str(refusal.value)


async def test_a_token_that_nobody_knows_is_told_without_showing_it(
    fill: FillFolder, hub: Hub
) -> None:
    hub.gate = Gate()

    with pytest.raises(NotStored) as refusal:
        await fill(token="hf_expired")

    assert "token" in str(refusal.value)
    assert "hf_expired" not in str(refusal.value)


async def test_a_revision_that_is_gone_is_named(fill: FillFolder, hub: Hub) -> None:
    hub.commit = "2" * 40

    with pytest.raises(NotStored) as refusal:
        await fill()

    assert "1" * 40 in str(refusal.value)
