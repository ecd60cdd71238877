"""What `failsoft up` tells its router about users."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from failsoft_cli.addresses import Ports
from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_cli.supervisor.services import ROUTER, Setup, services

VARIABLE = "FAILSOFT_ROUTER_IDENTITY__KEYS_FILE"


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    found = DataDir(tmp_path)
    found.prepare()
    return found


def router_environ(data: DataDir, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment that the router is started with."""
    setup = Setup(data=data, policy=data.policy, ports=Ports(), environ=environ, keys=frozenset())
    (router,) = (each for tier in services(setup) for each in tier if each.name == ROUTER)
    return router.program.environ


def test_keys_that_were_made_are_asked_for(data: DataDir) -> None:
    data.api_keys.write_text("")

    assert router_environ(data, {})[VARIABLE] == str(data.api_keys)


def test_without_keys_nobody_is_asked_who_it_is(data: DataDir) -> None:
    assert VARIABLE not in router_environ(data, {})


@pytest.mark.parametrize(
    "environ",
    [{VARIABLE: "/mine"}, {"FAILSOFT_ROUTER_IDENTITY__JWT__ISSUER": "https://issuer.example"}],
    ids=str,
)
def test_what_the_environment_says_of_identity_is_all_that_counts(
    data: DataDir, environ: Mapping[str, str]
) -> None:
    data.api_keys.write_text("")

    found = router_environ(data, environ)

    assert found.get(VARIABLE) == environ.get(VARIABLE)
