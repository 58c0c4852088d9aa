"""Write the pages that come from the declarations: commands, keys, views, kinds, actions.

`python -m docs.generate` writes them, `python -m docs.generate --check` says which are stale and exits 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docs.pages import actions, commands, keys, kinds, views

HERE = Path(__file__).parent
GENERATED = ("commands.md", "keys.md", "kinds", "actions", "views")
"""What belongs to this generator: any page in these places that it does not make is stale."""


def pages() -> dict[str, str]:
    """Every generated page: its path under docs/ → its text."""
    found = commands.pages() | keys.pages() | views.pages() | kinds.pages() | actions.pages()
    return {path: text.rstrip("\n") + "\n" for path, text in sorted(found.items())}


def stale(root: Path = HERE) -> list[str]:
    """The pages that are missing, differ, or are no longer made."""
    wanted = pages()
    there = {str(file.relative_to(root)) for place in GENERATED for file in _files(root / place)}
    differing = {path for path, text in wanted.items() if path in there and (root / path).read_text("utf-8") != text}
    return sorted(differing | (wanted.keys() ^ there))


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else list(place.glob("*.md"))


def write(root: Path = HERE) -> list[str]:
    """Make every page true; the paths that changed."""
    changed = stale(root)
    wanted = pages()
    for path in changed:
        if path in wanted:
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(wanted[path], "utf-8")
        else:
            (root / path).unlink()
    return changed


def main(arguments: list[str]) -> int:
    """The exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m docs.generate [--check]", file=sys.stderr)  # noqa: T201
        return 2
    found = stale() if arguments else write()
    for path in found:
        print(f"docs/{path}" + (" is stale; run `make docs`" if arguments else ""))  # noqa: T201
    return 1 if arguments and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
