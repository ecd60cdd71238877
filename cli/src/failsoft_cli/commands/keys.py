"""`failsoft keys`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from failsoft_cli import console
from failsoft_cli.console import harmless, prose
from failsoft_cli.key_store import KeyStore
from failsoft_cli.render import table_of
from failsoft_cli.supervisor.data_dir import DEFAULT, DataDir
from failsoft_kit.clock import SystemClock
from failsoft_kit.identity.api_key import ApiKey
from failsoft_kit.identity.key_record import LONGEST_NAME, SCOPES, KeyRecord, created_at
from failsoft_kit.identity.principal import TENANT_RULE, is_tenant
from failsoft_kit.settings.types import parse_duration

DONE = 0
NO_SUCH_KEY = 1

_NEVER = "never"
_LONGEST_SECONDS = 3650 * 86400.0

F = TypeVar("F", bound=Callable[..., Any])


def _tenant(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not is_tenant(value):
        raise click.BadParameter(f"that can be no tenant's name: {TENANT_RULE}")
    return value


def _scopes(_context: click.Context, _option: click.Parameter, value: str) -> list[str]:
    scopes = [each.strip() for each in value.split(",") if each.strip()]
    unknown = [each for each in scopes if each not in SCOPES]
    if unknown:
        raise click.BadParameter(f"known are: {', '.join(SCOPES)}")
    return scopes


def _seconds(_context: click.Context, _option: click.Parameter, value: str) -> float | None:
    if value == _NEVER:
        return None
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}; or `{_NEVER}`") from error
    if not 1.0 <= seconds <= _LONGEST_SECONDS:
        raise click.BadParameter(f"must be 1s to 3650d, or `{_NEVER}`")
    return seconds


def _name(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise click.BadParameter(f"must be printable, and at most {LONGEST_NAME} characters")
    return value


def _file_option(command: F) -> F:
    return click.option(
        "--file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=DataDir.api_keys_in(DEFAULT),
        show_default=True,
        help="The keys' hashes; the router's setting identity.keys_file.",
    )(command)


@click.group()
def command() -> None:
    """Say who may ask the router: make API keys, list them, revoke them.

    The file has hashes of the keys and no secret. A router that runs follows it: a change is in
    force within two seconds. `failsoft up` uses the file in its folder if it is there at start.

    \b
    Exit codes:
      0    done
      1    there is no such key
      2    wrong usage, or the file cannot be used: stderr has every mistake in it
    """


@command.command()
@click.option("--tenant", required=True, callback=_tenant, help="Whose requests it makes.")
@click.option(
    "--scopes",
    default="",
    callback=_scopes,
    help="What it may do beyond that, with commas between: operator, for the admin port.",
)
@click.option(
    "--expires",
    metavar="TIME",
    default="90d",
    show_default=True,
    callback=_seconds,
    help="How long it is good, such as 12h, 90d or never.",
)
@click.option("--name", default="", callback=_name, help="What it is for; for the list.")
@_file_option
def create(*, tenant: str, scopes: list[str], expires: float | None, name: str, file: Path) -> int:
    """Make a key and print it, this once: only its hash is kept.

    Standard output has the key and nothing else.

    \b
    Exit codes:
      0    made
      2    wrong usage, or the file cannot be used
    """
    key, created = ApiKey.new(), created_at(SystemClock().unix())
    record = KeyRecord.model_validate(
        {
            "id": key.id,
            "sha256": key.digest,
            "tenant": tenant,
            "scopes": scopes,
            "created": created,
            "expires": None if expires is None else created + timedelta(seconds=expires),
            "name": name,
        }
    )
    KeyStore(file).add(record)
    click.echo(key.text)
    ends = "never expires" if record.expires is None else f"expires {_moment(record.expires)}"
    prose(
        console.stderr(),
        f"key {key.id} of tenant {tenant} {ends}; nobody can show it again, so keep it now",
    )
    return DONE


@command.command("list")
@_file_option
def list_(*, file: Path) -> int:
    """List the keys: whose they are, what they may, and whether they are good.

    \b
    Exit codes:
      0    listed
      2    wrong usage, or the file cannot be used
    """
    now = SystemClock().unix()
    columns = ("id", "tenant", "scopes", "created", "expires", "state", "name")
    rows = [
        (
            record.id,
            record.tenant,
            ", ".join(sorted(record.scopes)) or "-",
            _moment(record.created),
            _NEVER if record.expires is None else _moment(record.expires),
            _state(record, now),
            harmless(record.name),
        )
        for record in KeyStore(file).records().values()
    ]
    if rows:
        console.stdout().print(table_of(columns, rows), crop=False)
    else:
        prose(console.stderr(), f"{file} has no keys; `failsoft keys create` makes one")
    return DONE


@command.command()
@click.argument("key_id", metavar="ID")
@_file_option
def revoke(*, key_id: str, file: Path) -> int:
    """Have the key of this ID refused from now on; it stays in the list.

    \b
    Exit codes:
      0    it is revoked, or was before
      1    there is no such key
      2    wrong usage, or the file cannot be used
    """
    store, out, err = KeyStore(file), console.stdout(), console.stderr()
    record = store.records().get(key_id)
    if record is None:
        prose(err, f"{file} has no key of this id; `failsoft keys list` shows them", style="red")
        return NO_SUCH_KEY
    if record.revoked is not None:
        prose(out, f"key {record.id} was revoked {_moment(record.revoked)}")
        return DONE
    revoked = created_at(SystemClock().unix())
    store.change(record.model_copy(update={"revoked": revoked}))
    prose(out, f"key {record.id} of tenant {record.tenant} is revoked")
    return DONE


def _state(record: KeyRecord, unix: float) -> str:
    if record.revoked is not None:
        return f"revoked {_moment(record.revoked)}"
    return "expired" if record.has_expired(unix) else "good"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
