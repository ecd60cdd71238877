"""The command `check-policy`: every mistake of a policy, told without a router."""

import sys
from pathlib import Path

from failsoft_kit.process import REFUSED
from failsoft_kit.settings import SettingsError
from failsoft_router.adapters.policy_source import PolicyFile

NAME = "check-policy"
NO_MISTAKES = 0


def check_policy(file: Path) -> int:
    """Read a policy as a router does that starts with it; credentials are not looked for.

    Returns:
        The exit code. 0: a router would take it. 2: it would not, and each mistake is a line on
        stderr.
    """
    try:
        written = PolicyFile(file).load()
    except SettingsError as refusal:
        sys.stderr.writelines(f"{problem}\n" for problem in refusal.problems)
        return REFUSED
    targets, routes = ", ".join(written.policy.targets), ", ".join(written.policy.routes)
    sys.stdout.write(f"policy {written.digest}: targets {targets or 'none'}; routes {routes}\n")
    return NO_MISTAKES
