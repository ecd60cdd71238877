"""Write the values table in the chart's README from the `# --` comments of its values.yaml.

With --check, say whether it is up to date. Every value must have a comment; a mapping without
one is a section, whose values have theirs.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parent.parent / "deploy" / "helm" / "failsoft"
BEGIN = "<!-- values: written by scripts/chart_readme.py -->\n"
END = "<!-- values: end -->\n"
LONGEST_DEFAULT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of the chart, as the README shows it."""

    path: str
    """Dotted, such as `router.replicas`."""
    default: object
    comment: str


class Undocumented(Exception):
    """A value has no `# --` comment."""


def values(text: str) -> list[Value]:
    """The commented values of a values.yaml, in its order.

    Raises:
        Undocumented: a value has no comment; the message names it and its line.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise Undocumented("values.yaml is no mapping")
    return list(_values(root, text.splitlines(), ()))


def _values(
    mapping: yaml.MappingNode, lines: Sequence[str], above: tuple[str, ...]
) -> Iterator[Value]:
    for key, node in mapping.value:
        path = (*above, key.value)
        comment = _comment(lines, key.start_mark.line)
        if comment:
            default = yaml.SafeLoader("").construct_document(node)
            yield Value(path=".".join(path), default=default, comment=comment)
        elif isinstance(node, yaml.MappingNode) and node.value:
            yield from _values(node, lines, path)
        else:
            line = key.start_mark.line + 1
            raise Undocumented(f"values.yaml, line {line}: {'.'.join(path)} has no `# --` comment")


def _comment(lines: Sequence[str], key_line: int) -> str:
    """The comment that stands directly above a line; "": none that starts with `# --`."""
    comment: list[str] = []
    for line in reversed(lines[:key_line]):
        text = line.strip()
        if not text.startswith("#"):
            return ""
        if text.startswith("# -- "):
            return " ".join([text.removeprefix("# -- "), *reversed(comment)])
        comment.append(text.removeprefix("#").strip())
    return ""


def table(rows: Sequence[Value]) -> str:
    """The rows as a Markdown table."""
    lines = ["| value | default | what it is |", "|---|---|---|"]
    lines += [f"| `{row.path}` | {_shown(row.default)} | {_cell(row.comment)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _shown(default: object) -> str:
    if isinstance(default, str) and "\n" in default:
        return "see values.yaml"
    written = json.dumps(default)
    return f"`{written}`" if len(written) <= LONGEST_DEFAULT else "see values.yaml"


def _cell(comment: str) -> str:
    return comment.replace("|", "\\|")


def with_table(readme: str, new: str) -> str:
    """The README with that table between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"the chart's README lacks its marks:\n{BEGIN}{END}")
    return f"{before}{BEGIN}{new}{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check: bool = parser.parse_args().check
    readme = CHART / "README.md"
    written = readme.read_text()
    try:
        fresh = with_table(written, table(values((CHART / "values.yaml").read_text())))
    except Undocumented as problem:
        sys.exit(str(problem))
    if fresh == written:
        return
    if check:
        sys.exit(f"{readme} is stale: run scripts/chart_readme.py")
    readme.write_text(fresh)


if __name__ == "__main__":
    main()
