"""docs/views/: a page per screen: what it shows, how to get there, and the screen's own help."""

from __future__ import annotations

from pathlib import Path

import console.screens
from console.keymap import KEYS
from console.views import VIEWS
from docs.pages.keys import shown
from docs.pages.markdown import code, page, table

_SCREENS = Path(console.screens.__file__).parent


def pages() -> dict[str, str]:
    """A page per view and the index."""
    return {"views/README.md": _index()} | {f"views/{name}.md": _view(name) for name in VIEWS}


def _index() -> str:
    rows = [[_key(name), f"[{name}]({name}.md)", text] for name, text in VIEWS.items()]
    about = "Each is opened by its key, by `:NAME`, or from the shell by `quarterdeck NAME`. `?` shows its help."
    return page("# Views", about, table(["key", "view", ""], rows))


def _view(name: str) -> str:
    return page(
        f"# {name}: {VIEWS[name]}",
        f"Key {_key(name)}, command {code(f':{name}')}, from the shell {code(f'quarterdeck {name}')}.",
        help_text(name),
        "All keys: [keys.md](../keys.md).",
    )


def _key(name: str) -> str:
    return next((shown(key.keys) for key in KEYS if key.id == f"mode.{name}"), "")


def help_text(name: str) -> str:
    """The help page that lies beside the screen; its heading goes, the page has its own."""
    file = _SCREENS / f"{name}.md"
    if not file.is_file():
        return ""
    lines = file.read_text("utf-8").strip().splitlines()
    return "\n".join(lines[1:] if lines and lines[0].startswith("# ") else lines)
