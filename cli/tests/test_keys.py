"""`failsoft keys`: a key is shown once, its hash is kept, and the file survives what happens."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api_keys import key_record

from failsoft_cli.__main__ import main
from failsoft_cli.key_store import KeyStore
from failsoft_kit.identity import ApiKeys
from failsoft_kit.identity.api_key import ApiKey
from failsoft_model.errors import Unauthenticated

pytestmark = pytest.mark.integration


class Keys:
    """Runs `failsoft keys` on one file, in this process."""

    def __init__(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.file = file
        self.code = 0
        self.errors = ""
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        """What it wrote on stdout."""
        here = ("--file", str(self.file))
        self._monkeypatch.setattr(sys, "argv", ["failsoft", "keys", *arguments, *here])
        self._monkeypatch.setenv("COLUMNS", "200")
        self.code = main()
        written = self._capsys.readouterr()
        self.errors = written.err
        return written.out

    def create(self, *options: str) -> ApiKey:
        """A new key of the tenant acme."""
        key = ApiKey.parse(self("create", "--tenant", "acme", *options).rstrip("\n"))
        assert key is not None
        return key


@pytest.fixture
def keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Keys:
    return Keys(tmp_path / "secrets" / "keys", monkeypatch, capsys)


def test_a_key_that_was_made_is_good_for_its_tenant(keys: Keys) -> None:
    key = keys.create("--scopes", "operator")

    principal = ApiKeys.from_file(keys.file).principal(key.text)
    assert principal.tenant == "acme"
    assert principal.scopes == {"operator"}


def test_a_key_is_printed_alone_and_once(keys: Keys) -> None:
    out = keys("create", "--tenant", "acme", "--name", "CI")

    secret = out.strip()
    assert out == f"{secret}\n"
    assert secret not in keys.errors
    assert secret not in keys("list")
    assert secret not in keys.file.read_text()


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o660, 0o640), (0o602, 0o600)])
def test_only_its_owner_and_its_group_read_the_file(keys: Keys, before: int, after: int) -> None:
    keys.create()
    assert keys.file.stat().st_mode & 0o777 == 0o600
    keys.file.chmod(before)
    keys.create()

    assert keys.file.stat().st_mode & 0o777 == after


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change another user's file")
def test_a_file_stays_its_owners_who_follows_it(keys: Keys) -> None:
    """It became root's, so the router could not read it, and took the revoked key on."""
    key = keys.create()
    os.chown(keys.file, 4711, 4712)
    keys("revoke", key.id)

    now = keys.file.stat()
    assert (now.st_uid, now.st_gid, now.st_mode & 0o777) == (4711, 4712, 0o600)


def test_the_list_says_whose_keys_there_are_and_how_they_are(keys: Keys) -> None:
    used, lost = keys.create("--name", "CI"), keys.create("--expires", "never")
    keys("revoke", lost.id)

    first, second = keys("list").splitlines()[-2:]

    assert first.split()[:2] == [used.id, "acme"]
    assert "good" in first
    assert first.rstrip().endswith("CI")
    assert second.split()[0] == lost.id
    assert "never" in second
    assert "revoked 20" in second


def test_a_revoked_key_is_refused_and_kept(keys: Keys) -> None:
    lost, other = keys.create(), keys.create()

    keys("revoke", lost.id)

    known = ApiKeys.from_file(keys.file)
    assert known.principal(other.text).tenant == "acme"
    with pytest.raises(Unauthenticated):
        known.principal(lost.text)
    assert lost.id in KeyStore(keys.file).records()


def test_revoking_again_changes_nothing(keys: Keys) -> None:
    lost = keys.create()
    keys("revoke", lost.id)
    before = keys.file.read_bytes()

    keys("revoke", lost.id)

    assert keys.code == 0
    assert keys.file.read_bytes() == before


def test_an_unknown_id_is_no_success(keys: Keys) -> None:
    keys.create()
    keys("revoke", "a" * 16)

    assert keys.code == 1


def test_comments_and_other_lines_are_left_as_they_are(keys: Keys) -> None:
    first, second = keys.create(), keys.create()
    lines = keys.file.read_text().splitlines()
    keys.file.write_text(f"# ours\n{lines[0]}\n\n# theirs\n{lines[1]}")

    keys("revoke", first.id)
    third = keys.create()

    after = keys.file.read_text().splitlines()
    assert [after[0], *after[2:5]] == ["# ours", "", "# theirs", lines[1]]
    assert list(KeyStore(keys.file).records()) == [first.id, second.id, third.id]


def test_a_file_with_mistakes_is_left_alone(keys: Keys) -> None:
    keys.create()
    broken = keys.file.read_bytes() + b'{"id": "x"}\n'
    keys.file.write_bytes(broken)

    out = keys("create", "--tenant", "acme")

    assert (keys.code, out) == (2, "")
    assert "line 2: `sha256` is missing" in keys.errors
    assert keys.file.read_bytes() == broken


def test_a_link_stays_a_link(keys: Keys, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    keys.file.parent.mkdir()
    keys.file.symlink_to(real)

    keys.create()

    assert keys.file.is_symlink()
    assert len(KeyStore(real).records()) == 1


def test_keys_that_are_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    file, made = tmp_path / "keys", [ApiKey.new() for _ in range(100)]

    def add(key: ApiKey) -> None:
        KeyStore(file).add(key_record(key))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, made))

    assert set(KeyStore(file).records()) == {key.id for key in made}


@pytest.mark.parametrize(
    "arguments",
    [
        ["create"],
        ["create", "--tenant", "Acme Corp"],
        ["create", "--tenant", "acme", "--scopes", "operater"],
        ["create", "--tenant", "acme", "--expires", "90"],
        ["create", "--tenant", "acme", "--expires", "4000d"],
        ["create", "--tenant", "acme", "--expires", "0s"],
        ["create", "--tenant", "acme", "--name", "a\nb"],
        ["create", "--tenant", "acme", "--name", "a" * 101],
        ["revoke"],
    ],
)
def test_wrong_usage_makes_nothing(keys: Keys, arguments: list[str]) -> None:
    out = keys(*arguments)

    assert (keys.code, out) == (2, "")
    assert not keys.file.exists()


def test_a_folder_that_cannot_be_used_is_told(keys: Keys) -> None:
    keys.file.parent.write_text("no folder")

    keys("create", "--tenant", "acme")

    assert keys.code == 2
    assert str(keys.file) in keys.errors
