"""What is shown while a model comes."""

import io

from failsoft_local_llm.preload.progress import Bar, Lines, shown_on

MIB = 1 << 20


class Terminal(io.StringIO):
    """Somewhere that people look at."""

    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_each_twentieth_and_no_more() -> None:
    log = io.StringIO()
    shown = shown_on(log)
    assert isinstance(shown, Lines)

    shown.begin(1000 * MIB)
    for _ in range(1000):
        shown.add(MIB)

    lines = log.getvalue().splitlines()
    assert len(lines) == 20
    assert lines[0] == "50 MiB of 1000 MiB"
    assert lines[-1] == "1000 MiB of 1000 MiB"


def test_without_a_total_a_log_gets_no_shares() -> None:
    log = io.StringIO()
    shown = Lines(log)

    shown.begin(None)
    shown.add(5 * MIB)

    assert log.getvalue() == ""
    assert shown.so_far == "5 MiB"


def test_a_terminal_gets_a_bar_with_lines_above_it() -> None:
    terminal = Terminal()
    shown = shown_on(terminal)
    assert isinstance(shown, Bar)

    shown.begin(100 * MIB)
    shown.add(25 * MIB)
    shown.tell("config.json: 0 MiB")
    shown.close()

    assert "25%" in terminal.getvalue()
    assert "config.json: 0 MiB\n" in terminal.getvalue()
    assert shown.so_far == "25 MiB of 100 MiB"
