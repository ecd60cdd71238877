"""What follows when a service has died by itself."""

from failsoft_cli.supervisor.restart import delay_before, is_hopeless


def test_a_service_that_dies_again_and_again_is_started_ever_later() -> None:
    delays = [delay_before(restart) for restart in (1, 2, 3, 4, 5, 6, 100)]

    assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_crash_of_a_service_that_was_well_is_worth_a_restart() -> None:
    assert not is_hopeless(1, was_ever_ready=True)
    assert not is_hopeless(-9, was_ever_ready=True)


def test_a_service_that_never_was_well_would_only_die_again() -> None:
    assert is_hopeless(1, was_ever_ready=False)


def test_a_service_that_refuses_its_configuration_would_only_refuse_again() -> None:
    assert is_hopeless(2, was_ever_ready=True)
