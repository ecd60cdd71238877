"""Settings are right as a whole, or refused with everything that is wrong."""

import enum
import re
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator

from failsoft_kit.process import StartupError
from failsoft_kit.settings import Duration, Row, Settings, SettingsError, Size, describe, load

CANARY = "canary-5f1c"


class Level(enum.Enum):
    INFO = "info"
    DEBUG = "debug"


class Admin(Settings):
    port: int = Field(default=50060, ge=0, le=65535, description="Port of the admin service.")
    token: SecretStr | None = Field(default=None, min_length=20, description="Who may.")


class Target(Settings):
    name: str = Field(description="What the policy calls it.")
    weight: float = Field(default=1.0, description="Its share.")
    key: SecretStr | None = Field(default=None, description="Its credential.")


class Relay(Settings):
    """A service as small as a test of every kind of setting allows."""

    address: str = Field(description="Where it listens.")
    drain: Duration = Field(default=25.0, gt=0, description="What running calls are given.")
    body: Size = Field(default=8 * 2**20, description="The largest request.")
    stall: Duration | None = Field(default=None, description="The longest silence.")
    concurrency: int | Literal["auto"] = Field(
        default="auto", description="Calls at once.", json_schema_extra={"unit": "calls"}
    )
    level: Level = Field(default=Level.INFO, description="What is logged.")
    reflection: bool = Field(default=False, description="Whether the contract is served.")
    home: Path = Field(default=Path("/data"), description="Where it keeps things.")
    tags: list[str] = Field(default_factory=list, description="What to call it.")
    targets: tuple[Target, ...] = Field(default=(), description="Whom it calls.")
    limits: dict[str, int] = Field(default_factory=dict, description="Calls by tenant.")
    admin: Admin = Field(default=Admin(), description="The admin service.")


def relay(*, file: Path | None = None, **variables: str) -> Relay:
    environ = {f"FAILSOFT_RELAY_{name}": text for name, text in variables.items()}
    return load(Relay, section="relay", file=file, environ=environ)


def problems(*, file: Path | None = None, **variables: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        relay(file=file, **variables)
    return refusal.value.problems


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path / "failsoft.yaml")


class Write:
    """Writes the settings' file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, content: str | bytes) -> Path:
        self._path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self._path


# Where values come from.


def test_variables_alone_are_enough() -> None:
    settings = relay(
        ADDRESS="127.0.0.1:1",
        DRAIN="1.5s",
        BODY="64KiB",
        STALL="250ms",
        CONCURRENCY="8",
        LEVEL="debug",
        REFLECTION="true",
        HOME="/elsewhere",
        TAGS="[a, b]",
        TARGETS="[{name: x, weight: 2}]",
        LIMITS="{acme: 3}",
        ADMIN__PORT="7",
    )

    assert settings == Relay(
        address="127.0.0.1:1",
        drain=1.5,
        body=65536,
        stall=0.25,
        concurrency=8,
        level=Level.DEBUG,
        reflection=True,
        home=Path("/elsewhere"),
        tags=["a", "b"],
        targets=(Target(name="x", weight=2.0),),
        limits={"acme": 3},
        admin=Admin(port=7),
    )


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(write: Write) -> None:
    file = write("relay:\n  address: from-file\n  drain: 5m\n  admin:\n    port: 1\n")

    settings = relay(file=file, ADDRESS="from-variable", ADMIN__PORT="2")

    assert (settings.address, settings.drain, settings.admin.port) == ("from-variable", 300.0, 2)
    assert settings.body == 8 * 2**20


def test_one_file_serves_every_service(write: Write) -> None:
    file = write("cache:\n  whatever: 1\nrelay:\n  address: a\n")

    assert relay(file=file).address == "a"


def test_other_services_variables_are_none_of_ours() -> None:
    environ = {"FAILSOFT_RELAY_ADDRESS": "a", "FAILSOFT_CACHE_ADDRES": "b", "HOME": "/root"}

    assert load(Relay, section="relay", environ=environ).address == "a"


def test_an_empty_variable_counts_as_not_set(write: Write) -> None:
    """Compose files and charts leave such behind; an empty path must not become `.`."""
    assert relay(ADDRESS="a", HOME="", DRAIN="").home == Path("/data")


@pytest.mark.parametrize("content", ["", "# nothing\n", "relay:\n"])
def test_a_file_may_say_nothing(write: Write, content: str) -> None:
    assert relay(file=write(content), ADDRESS="a").drain == 25.0


def test_a_variable_fills_a_section_that_the_file_left_empty(write: Write) -> None:
    file = write("relay:\n  address: a\n  admin:\n")

    assert relay(file=file, ADMIN__PORT="2").admin.port == 2


def test_a_dash_in_the_section_is_an_underscore_in_the_variable() -> None:
    environ = {"FAILSOFT_LOCAL_LLM_PORT": "1"}

    assert load(Admin, section="local-llm", environ=environ).port == 1


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        relay(ADDRESS="a").address = "b"


# What is wrong with them.


def test_every_mistake_is_told_at_once(write: Write) -> None:
    """One round of repair, not one for each mistake."""
    file = write(
        "relay:\n"
        "  drain: 30\n"
        "  tag: [a]\n"
        "  targets:\n"
        "    - {name: x, weigth: 2}\n"
        "    - {weight: heavy}\n"
    )

    assert problems(file=file, ADMIN__PORT="70000", LEVLE="info") == (
        "FAILSOFT_RELAY_LEVLE is unknown; did you mean `FAILSOFT_RELAY_LEVEL`?",
        f"`relay.address` (FAILSOFT_RELAY_ADDRESS; {file}, line 1) is missing",
        f"`relay.drain` (FAILSOFT_RELAY_DRAIN; {file}, line 2)"
        " must be a number with a unit, such as 250ms, 30s, 5m, 2h or 1d, got 30",
        f"`relay.targets[0].weigth` (FAILSOFT_RELAY_TARGETS; {file}, line 5)"
        " is unknown; did you mean `weight`?",
        f"`relay.targets[1].name` (FAILSOFT_RELAY_TARGETS; {file}, line 6) is missing",
        f"`relay.targets[1].weight` (FAILSOFT_RELAY_TARGETS; {file}, line 6)"
        ' must be a valid number, unable to parse string as a number, got "heavy"',
        "`relay.admin.port` (FAILSOFT_RELAY_ADMIN__PORT)"
        ' must be less than or equal to 65535, got "70000"',
        f"`relay.tag` ({file}, line 3) is unknown; did you mean `tags`?",
    )


def test_an_unknown_name_that_is_like_none_gets_the_whole_list(write: Write) -> None:
    file = write("relay:\n  address: a\n  admin:\n    xyzzy: 1\n")

    assert problems(file=file) == (
        f"`relay.admin.xyzzy` ({file}, line 4) is unknown; known are `port`, `token`",
    )


def test_a_misspelt_section_is_noticed(write: Write) -> None:
    """Otherwise the service would start with its defaults and say nothing."""
    file = write("rellay:\n  address: a\n")

    assert problems(file=file, ADDRESS="a") == (
        f"`rellay` ({file}, line 1) is unknown; did you mean `relay`?",
    )


@pytest.mark.parametrize("written", ["30", "30 parsecs", "-1s", "s", "1e3s", "", "nan s", "infs"])
def test_a_duration_needs_a_number_and_a_unit(write: Write, written: str) -> None:
    file = write(f"relay:\n  address: a\n  drain: '{written}'\n")

    (problem,) = problems(file=file)
    assert "250ms, 30s, 5m, 2h or 1d" in problem


def test_a_duration_obeys_its_field_s_bounds() -> None:
    (problem,) = problems(ADDRESS="a", DRAIN="0s")
    assert problem == '`relay.drain` (FAILSOFT_RELAY_DRAIN) must be greater than 0, got "0s"'


@pytest.mark.parametrize("written", ["8", "8MB", "0.5B"])
def test_a_size_needs_a_unit_and_whole_bytes(written: str) -> None:
    (problem,) = problems(ADDRESS="a", BODY=written)
    assert "512B, 64KiB, 8MiB or 1GiB" in problem


def test_alternatives_are_told_together() -> None:
    (problem,) = problems(ADDRESS="a", CONCURRENCY="many")
    assert problem.startswith("`relay.concurrency` (FAILSOFT_RELAY_CONCURRENCY) must be a valid")
    assert " or must be 'auto', got \"many\"" in problem


def test_a_list_in_a_variable_that_is_no_yaml_is_told() -> None:
    assert problems(ADDRESS="a", TAGS="[a") == (
        "FAILSOFT_RELAY_TAGS must be written as YAML, such as [a, b] or {a: 1}",
    )


def test_a_scalar_where_a_mapping_belongs_is_told_even_under_a_variable(write: Write) -> None:
    file = write("relay:\n  address: a\n  admin: 5\n")

    (problem,) = problems(file=file, ADMIN__PORT="2")
    assert problem.startswith(f"`relay.admin` ({file}, line 3) must be a valid")


def test_a_section_that_is_no_mapping_is_told(write: Write) -> None:
    file = write("relay: [a]\n")

    assert problems(file=file) == (f"`relay` ({file}, line 1) must be a mapping",)


def test_what_kubernetes_puts_into_the_environment_is_explained() -> None:
    """A Service named failsoft-relay makes such variables in every pod of its namespace."""
    (problem,) = problems(ADDRESS="a", SERVICE_HOST="10.0.0.1")
    assert "enableServiceLinks" in problem


def test_long_values_are_cut() -> None:
    (problem,) = problems(ADDRESS="a", DRAIN="x" * 10_000)
    assert len(problem) < 250


# Secrets.


@pytest.mark.parametrize("secret", [CANARY, CANARY * 9])
def test_a_secret_never_shows_itself(secret: str) -> None:
    told = problems(
        ADMIN__TOKEN=secret,
        ADMIN__TOKN=secret,
        TARGETS=f"[{{key: {secret}, weight: x}}, {{key: [{secret}]}}]",
    )

    assert len(told) >= 5
    assert secret not in " ".join(told)
    assert secret not in str(StartupError(*told))


class Guarded(Settings):
    password: SecretStr = Field(description="The password.")

    @field_validator("password")
    @classmethod
    def must_be_good(cls, value: SecretStr) -> SecretStr:
        raise ValueError(f"{value.get_secret_value()} is a bad password")


def test_a_careless_check_of_a_secret_does_not_leak_it() -> None:
    with pytest.raises(SettingsError) as refusal:
        load(Guarded, section="safe", environ={"FAILSOFT_SAFE_PASSWORD": CANARY})

    assert refusal.value.problems == ("`safe.password` (FAILSOFT_SAFE_PASSWORD) is not valid",)
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__


# Files that are no settings.


def test_a_key_that_is_there_twice_is_refused_with_both_lines(write: Write) -> None:
    """YAML would silently take the last one."""
    file = write("relay:\n  address: a\n  drain: 1s\n  address: b\n  drain: 2s\n")

    assert problems(file=file, LEVLE="x") == (
        f"{file}, line 4: the key `address` is already on line 2",
        f"{file}, line 5: the key `drain` is already on line 3",
        "FAILSOFT_RELAY_LEVLE is unknown; did you mean `FAILSOFT_RELAY_LEVEL`?",
    )


def test_a_key_that_yaml_takes_for_something_else_is_refused(write: Write) -> None:
    file = write("relay:\n  limits:\n    on: 1\n    2: 1\n")

    assert [problem.split(": ")[0] for problem in problems(file=file)] == [
        f"{file}, line 3",
        f"{file}, line 4",
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [("a: [1\nb: 2\n", ", line 2"), ("a: !!python/name:os.system\n", ", line 1"), ("\x00", "")],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(
    write: Write, content: str, line: str
) -> None:
    file = write(content)

    (problem,) = problems(file=file)
    assert problem.startswith(f"{file}{line}: is not valid YAML: ")


@pytest.mark.parametrize("written", [f"*{CANARY}", f"!{CANARY} x", f"&{CANARY} *{CANARY}x"])
def test_a_secret_that_yaml_takes_for_something_else_is_not_shown(
    write: Write, written: str
) -> None:
    (problem,) = problems(file=write(f"relay:\n  admin: {{token: {written}}}\n"))
    assert "line 2" in problem
    assert CANARY not in problem


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", b"\xe9: 1\n"])
def test_what_is_no_text_is_refused(write: Write, content: bytes) -> None:
    (problem,) = problems(file=write(content))
    assert "is not valid YAML" in problem


@pytest.mark.parametrize("content", ["- a\n", "just text\n", "5\n"])
def test_a_file_that_is_no_mapping_is_refused(write: Write, content: str) -> None:
    file = write(content)

    assert problems(file=file) == (f"{file}: must be a mapping of keys to values",)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (problem,) = problems(file=tmp_path / "nowhere.yaml")
    assert problem == f"{tmp_path / 'nowhere.yaml'}: cannot be read: No such file or directory"


def test_an_alias_within_itself_is_refused_and_not_followed_for_ever(write: Write) -> None:
    file = write("relay:\n  address: a\n  tags: &t [*t]\n")

    assert len(problems(file=file)) == 1


def test_merged_keys_may_be_overridden(write: Write) -> None:
    file = write("base: &base {address: a, drain: 1s}\nrelay:\n  <<: *base\n  drain: 2s\n")

    assert (relay(file=file).address, relay(file=file).drain) == ("a", 2.0)


def test_merges_that_multiply_are_refused_before_they_are_made(write: Write) -> None:
    """Each line copies the one before nine times; the parser would be busy for hours."""
    lines = ["x0: &x0 {a: 1}"]
    lines += [f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    file = write("\n".join(lines))

    assert problems(file=file)[0] == f"{file}, line 6: `<<` takes over too many keys"


def test_a_file_that_nobody_wrote_is_not_read_to_its_end(write: Write) -> None:
    file = write("relay: {address: a}\n#" + "x" * 2**20)

    assert problems(file=file) == (f"{file}: is larger than 1 MiB",)
    assert problems(file=Path("/dev/zero")) == ("/dev/zero: is larger than 1 MiB",)


def test_a_number_that_is_too_long_to_write_down_is_not_quoted(write: Write) -> None:
    (problem,) = problems(file=write(f"relay: {{address: a, admin: {{port: 0x{'f' * 5000}}}}}\n"))

    assert "must be less than or equal to 65535" in problem


# The reference.


def test_the_reference_says_how_each_setting_is_written() -> None:
    rows = {row.path: row for row in describe(Relay, "relay")}

    assert rows["relay.drain"] == Row(
        variable="FAILSOFT_RELAY_DRAIN",
        path="relay.drain",
        type="duration",
        unit="ms, s, m, h, d",
        default="25s",
        description="What running calls are given.",
    )
    assert {path: (row.type, row.unit, row.default) for path, row in rows.items()} == {
        "relay.address": ("text", "", ""),
        "relay.drain": ("duration", "ms, s, m, h, d", "25s"),
        "relay.body": ("size", "B, KiB, MiB, GiB", "8MiB"),
        "relay.stall": ("duration", "ms, s, m, h, d", "none"),
        "relay.concurrency": ("whole number or one of auto", "calls", "auto"),
        "relay.level": ("one of info, debug", "", "info"),
        "relay.reflection": ("true or false", "", "false"),
        "relay.home": ("path", "", "/data"),
        "relay.tags": ("list of text", "", "[]"),
        "relay.targets": ("list of mapping", "", "[]"),
        "relay.limits": ("mapping of text to whole number", "", "{}"),
        "relay.admin.port": ("whole number", "", "50060"),
        "relay.admin.token": ("secret text", "", "none"),
    }


def test_every_variable_of_the_reference_is_understood() -> None:
    for row in describe(Relay, "relay"):
        if row.default not in {"", "none"}:
            settings = load(
                Relay,
                section="relay",
                environ={"FAILSOFT_RELAY_ADDRESS": "a", row.variable: row.default},
            )
            assert settings == Relay(address="a")


def test_a_setting_without_a_description_has_no_place_in_the_reference() -> None:
    class Mute(BaseModel):
        word: str = ""

    with pytest.raises(ValueError, match=re.escape("mute.word")):
        describe(Mute, "mute")
