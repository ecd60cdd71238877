"""Print the sizes of our images, and what each adds to the base, as a Markdown table.

    .venv/bin/python scripts/image_sizes.py [--program PROGRAM] [--base IMAGE] TAG...

PROGRAM lists images as docker, podman and buildah do, whose sizes are those of unpacked layers;
the first of the three that is there unless told otherwise. Images with any of the TAGs are told.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

PROGRAMS = ("docker", "podman", "buildah")
BASE = "python:3.11-slim-bookworm"
FORMAT = "{{.%s}}:{{.Tag}} {{.Size}}"
LISTED = re.compile(r"(?:docker\.io/)?(?:library/)?(\S+) +([\d.]+) ?(kB|MB|GB)")
"""Without the names that only complete what was given."""
MEGABYTES = {"kB": 0.001, "MB": 1.0, "GB": 1000.0}


def main() -> int:
    """The exit status: 1 where the base or every image is missing."""
    wishes = _wishes()
    sizes = listed(shlex.split(wishes.program))
    ours = {
        name: size
        for name, size in sorted(sizes.items())
        if "failsoft/" in name and name.rpartition(":")[2] in wishes.tags
    }
    if not ours or wishes.base not in sizes:
        print(f"{wishes.base} is not here, or no image of ours with such a tag", file=sys.stderr)
        return 1
    print(*table(ours, base=wishes.base, base_size=sizes[wishes.base]), sep="\n")
    return 0


def listed(program: Sequence[str]) -> Mapping[str, float]:
    """Megabytes by name and tag."""
    name = "Name" if program[-1].endswith("buildah") else "Repository"
    asked = [*program, "images", "--format", FORMAT % name]
    said = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = (LISTED.fullmatch(line) for line in said.splitlines())
    return {each[1]: float(each[2]) * MEGABYTES[each[3]] for each in found if each}


def table(sizes: Mapping[str, float], *, base: str, base_size: float) -> Sequence[str]:
    """A line for the base and one for each image; sizes are in megabytes."""
    return [
        "| image | whole | beyond the base |",
        "|---|---|---|",
        f"| `{base}`, the base | {base_size:.0f} MB | |",
        *(
            f"| `{name}` | {size:.0f} MB | {size - base_size:.0f} MB |"
            for name, size in sizes.items()
        ),
    ]


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = next((name for name in PROGRAMS if shutil.which(name)), PROGRAMS[0])
    parser.add_argument("--program", default=usual, metavar="PROGRAM")
    parser.add_argument("--base", default=BASE, metavar="IMAGE")
    parser.add_argument("tags", nargs="+", metavar="TAG")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
