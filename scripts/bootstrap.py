"""Set up the workspace beside the system: uv from PyPI into .uv, the locked packages into .venv.

Needs nothing but Python 3.11 or newer: no pip, no venv module, no root. Usage:

    python3 scripts/bootstrap.py [--dev] [--group NAME]

It says what it will download before it does, and names the system package that is missing.
Mirrors and proxies: UV_DEFAULT_INDEX, https_proxy and SSL_CERT_FILE are honoured.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - here is where an older one is told
    sys.exit(
        "Failsoft needs Python 3.11 or newer, this is {}.{}: install one (Debian, Ubuntu:"
        " apt-get install python3), then run `make PYTHON=/path/to/python3 ...`".format(
            *sys.version_info[:2]
        )
    )

import argparse
import contextlib
import ctypes
import hashlib
import html.parser
import io
import os
import platform
import re
import ssl
import subprocess
import termios
import tomllib
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
UV = ROOT / ".uv" / "bin" / "uv"
UV_VERSION = "0.13.9"
UV_WHEELS = {
    ("Linux", "x86_64"): (
        f"uv-{UV_VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        f"uv-{UV_VERSION}-py3-none-manylinux_2_28_aarch64.whl",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    ),
    ("Darwin", "arm64"): (
        f"uv-{UV_VERSION}-py3-none-macosx_11_0_arm64.whl",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
}
DEFAULT_INDEX = "https://pypi.org/simple"
LIBRARIES = {"libstdc++.so.6": "libstdc++6", "libgcc_s.so.1": "libgcc-s1"}
MEGABYTE = 1_000_000
PACKAGE_LINE = re.compile(rb" (\x1b\[[\d;]*m)*[-+~](\x1b\[[\d;]*m)* ")
"""uv's line about a package that it added, removed or replaced, with or without colours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dev", action="store_true", help="the development tools too")
    parser.add_argument("--group", help="another group of pyproject.toml, such as chart")
    arguments = parser.parse_args()
    groups = [] if arguments.dev else ["--no-dev"]
    groups += [f"--group={arguments.group}"] if arguments.group else []
    check_libraries()
    if installed_version() != UV_VERSION:
        install_uv()
    if not in_sync(groups):
        sync(groups)


def check_libraries() -> None:
    """The model engine links against these; a slim image may lack them."""
    if platform.system() != "Linux":
        return
    missing = []
    for library, package in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    if missing:
        sys.exit(f"system libraries are missing, please run: apt-get install {' '.join(missing)}")


def installed_version() -> str:
    """Version of the uv that was installed here earlier; empty without one."""
    if not UV.exists():
        return ""
    reply = subprocess.run([UV, "--version"], capture_output=True, text=True, check=False)
    return reply.stdout.removeprefix("uv ").split(" ")[0]


def install_uv() -> None:
    """Fetch the pinned wheel, check its hash, and take the one program out of it."""
    system = (platform.system(), platform.machine())
    if system not in UV_WHEELS:
        sys.exit(f"no uv is pinned for {' '.join(system)}: supported are Linux and macOS on arm64")
    name, digest = UV_WHEELS[system]
    say(f"downloading uv {UV_VERSION} from PyPI (about 25 MB) into .uv")
    wheel = fetch(find(name))
    if hashlib.sha256(wheel).hexdigest() != digest:
        sys.exit(f"{name} is not the file that is pinned here: its sha256 differs")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = next(entry for entry in archive.namelist() if entry.endswith("/scripts/uv"))
        UV.parent.mkdir(parents=True, exist_ok=True)
        partial = UV.with_suffix(".partial")
        partial.write_bytes(archive.read(program))
    partial.chmod(0o755)
    partial.rename(UV)


def find(name: str) -> str:
    """The wheel's address according to the package index."""
    index = os.environ.get("UV_DEFAULT_INDEX") or DEFAULT_INDEX
    page = f"{index.rstrip('/')}/uv/"
    links = Links()
    links.feed(fetch(page).decode("utf-8", "replace"))
    for link in links.found:
        if urllib.parse.unquote(urllib.parse.urlsplit(link).path).endswith("/" + name):
            return urllib.parse.urljoin(page, link)
    sys.exit(f"the package index {index} has no {name}")


class Links(html.parser.HTMLParser):
    """Collects the links of an index page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the target of every link."""
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]


def fetch(url: str) -> bytes:
    """The body of a page; leaves with the next step when it cannot be had."""
    if not url.startswith(("https://", "http://")):
        sys.exit(f"{url}: not an address of a package index")
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - checked above
            body: bytes = reply.read()
            return body
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            advice = "apt-get install ca-certificates, or set SSL_CERT_FILE to your own"
        else:
            advice = "is there a network? set https_proxy or UV_DEFAULT_INDEX for a mirror"
        sys.exit(f"cannot fetch {url}: {error.reason}; {advice}")


def in_sync(groups: list[str]) -> bool:
    """Whether .venv holds what is locked already."""
    return uv("sync", "--check", "--inexact", *groups, quiet=True) == 0


def sync(groups: list[str]) -> None:
    """Install what is locked into .venv, with uv's own progress bars."""
    size = size_of(groups)
    say(f"installing the locked packages into .venv: {size} MB, less what is cached")
    if uv("sync", "--inexact", *groups) != 0:
        sys.exit("the packages could not be installed: see uv's message above")


def size_of(groups: list[str]) -> int:
    """Megabytes of the wheels for this machine, none of them cached."""
    python = venv_version() or sys.version_info[:2]
    listing = subprocess.run(
        [UV, "export", "--frozen", "--no-hashes", "--no-emit-workspace", "--quiet", *groups],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    wanted = set(re.findall(r"^([a-z0-9._-]+)==", listing, re.MULTILINE))
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    total = 0
    for package in lock["package"]:
        if package["name"] in wanted:
            fitting = [
                wheel["size"] for wheel in package.get("wheels", []) if fits(wheel["url"], python)
            ]
            total += max(fitting, default=package.get("sdist", {}).get("size", 0))
    return max(1, round(total / MEGABYTE))


def fits(url: str, python: tuple[int, int]) -> bool:
    """Whether a wheel is one for this version of Python and this machine, by its name."""
    tag, abi, system = url.removesuffix(".whl").split("-")[-3:]
    mine = "cp{}{}".format(*python)
    fits_python = abi in (mine, "abi3") or (abi == "none" and ("py3" in tag or tag == mine))
    here = system == "any" or (machine_tag() in system and "musllinux" not in system)
    return fits_python and here


def machine_tag() -> str:
    """What a wheel's platform tag has in it, if it is one for this machine."""
    if platform.system() == "Darwin":
        return "arm64"
    return f"_{platform.machine()}"


def venv_version() -> tuple[int, int] | None:
    """Which Python .venv has; None: there is no .venv, or its Python is too old or doesn't run."""
    ask = [str(VENV / "bin" / "python"), "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        major, minor = (int(part) for part in told.split())
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return (major, minor) if (major, minor) >= OLDEST else None


def uv(*arguments: str, quiet: bool = False) -> int:
    """Run uv in the workspace; its exit code.

    A .venv that works is kept, whichever Python runs this; a new one is made with this one.
    """
    command = [str(UV), *arguments, "--frozen"]
    if venv_version() is None:
        command += ["--python", sys.executable]
    if quiet:
        null = subprocess.DEVNULL
        return subprocess.run(
            command, cwd=ROOT, env=environment(), stdout=null, stderr=null, check=False
        ).returncode
    return watched(command)


def watched(command: list[str]) -> int:
    """Run a command of uv and pass on what it says, but for a line about each package."""
    if sys.stderr.isatty():  # there uv draws progress bars, if it has one itself
        reader, writer = os.openpty()
        termios.tcsetwinsize(writer, termios.tcgetwinsize(sys.stderr.fileno()))
    else:
        reader, writer = os.pipe()
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=writer) as process:
        os.close(writer)
        for piece in without_packages(chunks(reader)):
            sys.stderr.buffer.write(piece)
            sys.stderr.flush()
    os.close(reader)
    return process.returncode


def chunks(reader: int) -> Iterator[bytes]:
    """What can be read, as it comes, until nobody writes any more."""
    with contextlib.suppress(OSError):  # how a terminal's other end says so on Linux
        while chunk := os.read(reader, 65536):
            yield chunk


def without_packages(output: Iterable[bytes]) -> Iterator[bytes]:
    """The same output as it comes, without the lines about packages."""
    held = b""
    for chunk in output:
        *lines, held = (held + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines if not PACKAGE_LINE.match(line))
        if not held.startswith(b" "):  # a progress bar, which must not wait for its end
            yield held
            held = b""
    yield held


def environment() -> dict[str, str]:
    """uv may fetch no Python, and use no environment but the workspace's own."""
    ignored = ("VIRTUAL_ENV", "UV_PYTHON")
    kept = {name: value for name, value in os.environ.items() if name not in ignored}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(VENV)}


def say(sentence: str) -> None:
    print(f"setup: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
