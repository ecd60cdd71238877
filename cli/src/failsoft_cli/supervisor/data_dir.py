"""The folder that holds everything that outlives a run.

    DATA/policy.yaml            the default policy, written anew by each start
    DATA/secrets/               service-token and cache-secret; providers' keys, such as openai;
                                api-keys: hashes of the keys that `failsoft keys` made
    DATA/valkey/                stored answers, and the socket that they are asked for through
    DATA/logs/NAME.log          of this run; NAME.log.1 of the one before
    DATA/lock                   held while it is in use

Only its owner can read what is in it.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from failsoft_kit.startup import StartupError

DEFAULT = Path(".failsoft")

_TOKEN_BYTES = 32
_LONGEST_SOCKET = 100
"""Bytes; kernels allow 103 to 107 for the path of a socket."""


class DataDir:
    """The folder's parts; `prepare` makes them."""

    def __init__(self, root: Path) -> None:
        """
        Args:
            root: Made absolute; nothing is touched yet.
        """
        self.root = root.absolute()
        self.secrets = self.root / "secrets"
        self.valkey = self.root / "valkey"
        self.logs = self.root / "logs"

    @property
    def policy(self) -> Path:
        return self.root / "policy.yaml"

    @property
    def service_token(self) -> Path:
        return self.secrets / "service-token"

    @property
    def api_keys(self) -> Path:
        """Where the hashes of users' keys are, if there are any."""
        return self.api_keys_in(self.root)

    @staticmethod
    def api_keys_in(root: Path) -> Path:
        """The same in a folder of that name, which stays as short as it was written."""
        return root / "secrets" / "api-keys"

    @property
    def socket(self) -> Path:
        """Where Valkey listens."""
        return self.valkey / "socket"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def prepare(self) -> None:
        """Make what is missing; tighten what others could read.

        Raises:
            StartupError: The folder cannot be used.
        """
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET:
            raise StartupError(
                f"the data directory's path is too long for a socket: {self.root};"
                " choose a shorter one with --data"
            )
        try:
            for folder in (self.root, self.secrets, self.valkey, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.secrets, self.valkey, self.logs):
                folder.chmod(0o700)
            self._make_token()
        except OSError as error:
            raise self._unusable(error) from error

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the folder for this process alone while the block runs.

        Raises:
            StartupError: Another process holds it.
        """
        try:
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StartupError(
                f"another `failsoft` is running on {self.root};"
                " end it, or choose another folder with --data"
            ) from None
        try:
            self._keep_old_logs()
            yield
        finally:
            os.close(descriptor)

    def write_policy(self, text: str) -> None:
        """Put a policy in the place of the last one.

        Raises:
            StartupError: It cannot be written.
        """
        draft = self.policy.with_suffix(".draft")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.policy)
        except OSError as error:
            raise self._unusable(error) from error

    def _make_token(self) -> None:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(self.service_token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(_TOKEN_BYTES) + "\n")

    def _keep_old_logs(self) -> None:
        for log in self.logs.glob("*.log"):
            log.replace(log.with_name(f"{log.name}.1"))

    def _unusable(self, error: OSError) -> StartupError:
        return StartupError(
            f"the data directory {self.root} cannot be used: {error.strerror}"
            f" ({error.filename}); choose another with --data"
        )
