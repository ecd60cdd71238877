"""Build the services' images from the Dockerfile in the repository's root, and push them on demand.

    .venv/bin/python scripts/images.py [--registry REGISTRY] [--tag TAG] [--push] [SERVICE...]

REGISTRY is what stands before `failsoft/router`, such as `registry.example.com/team`; without it
the images are for this machine. TAG is the version unless told otherwise. SERVICE: router, cache,
local-llm, valkey (these four if none is named) and local-llm-gpu, which has 10 GB.

It builds with the first of docker, podman and buildah that is there, or with the command that
`--build` names, which takes `-t NAME -f FILE --target STAGE --build-arg KEY=VALUE CONTEXT`.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("router", "cache", "local-llm", "valkey")
ON_DEMAND = ("local-llm-gpu",)
BUILDERS = {
    "docker": "--build-arg=SOURCE_DATE_EPOCH={}",
    "podman": "--timestamp={}",
    "buildah": "--timestamp={}",
}
"""With the option that gives what is built one time, so that what is built twice is the same.

docker gives it to the image alone: to files only where `rewrite-timestamp` is said, which the
builder that it comes with refuses (docker/buildx#2733); docs/operations.md has the command.
"""


def main() -> int:
    """The exit status: 0, or that of the build or push that failed."""
    wishes = _wishes()
    build = shlex.split(wishes.build) if wishes.build else _builder()
    names = {
        service: _name(service, registry=wishes.registry, tag=wishes.tag)
        for service in wishes.services or SERVICES
    }
    for service, name in names.items():
        _run([*build, *_arguments(service, name=name, python_image=wishes.python_image)])
    for name in names.values() if wishes.push else ():
        _run([build[0], "push", name])
    print(*names.values(), sep="\n")
    return 0


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--registry", default="", metavar="REGISTRY")
    parser.add_argument("--tag", default=_version(), metavar="TAG")
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--build", default="", metavar="COMMAND")
    parser.add_argument("--python-image", default="", metavar="IMAGE", help="to build upon")
    parser.add_argument("services", nargs="*", metavar="SERVICE", type=_service)
    wishes = parser.parse_args()
    if wishes.push and not wishes.registry:
        parser.error("--push needs a --registry to push to")
    return wishes


def _service(name: str) -> str:
    if name not in (*SERVICES, *ON_DEMAND):
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SERVICES + ON_DEMAND)}")
    return name


def _builder() -> list[str]:
    for program, timestamp in BUILDERS.items():
        if shutil.which(program):
            return [program, "build", timestamp.format(_commit_time())]
    sys.exit(f"images are built with one of {', '.join(BUILDERS)}, and none of them is here")


def _arguments(service: str, *, name: str, python_image: str) -> Sequence[str]:
    known = {"VERSION": _version(), "REVISION": _git("rev-parse", "HEAD")}
    if python_image:
        known["PYTHON_IMAGE"] = python_image
    told = [word for key, value in known.items() for word in ("--build-arg", f"{key}={value}")]
    return ["-t", name, "-f", "Dockerfile", "--target", service, *told, "."]


def _name(service: str, *, registry: str, tag: str) -> str:
    before = f"{registry.rstrip('/')}/" if registry else ""
    return f"{before}failsoft/{service}:{tag}"


def _version() -> str:
    """The chart's appVersion, which is the tag that an install asks for."""
    chart = (ROOT / "deploy/helm/failsoft/Chart.yaml").read_text()
    found = re.search(r'^appVersion: "?([^"\n]+)"?$', chart, re.MULTILINE)
    if found is None:
        raise ValueError("deploy/helm/failsoft/Chart.yaml has no appVersion")
    return found[1]


def _commit_time() -> str:
    """Seconds since 1970; 0 where the sources are no repository."""
    said = _git("log", "-1", "--format=%ct")
    return said if said.isdigit() else "0"


def _git(*words: str) -> str:
    """What git says; `unknown` where the sources are no repository."""
    try:
        said = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()


def _run(command: Sequence[str]) -> None:
    print(shlex.join(command), flush=True)
    ended = subprocess.run(command, cwd=ROOT, check=False)
    if ended.returncode != 0:
        sys.exit(ended.returncode)


if __name__ == "__main__":
    sys.exit(main())
