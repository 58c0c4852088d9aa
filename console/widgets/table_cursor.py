"""Where a table's cursor is, and which rows are marked. Both go by key: they move with the row that they are on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Cursor:
    """The cursor's place, the key it stands on, and the marks."""

    index: int = 0
    key: str = ""
    marks: dict[str, None] = field(default_factory=dict)
    anchor: int | None = None

    def toggle(self, key: str) -> None:
        """Mark the row with that key, or unmark it; the order of marking is kept."""
        if key in self.marks:
            del self.marks[key]
        else:
            self.marks[key] = None

    def in_range(self, index: int) -> bool:
        """Whether an open range (`V`) covers that row."""
        return self.anchor is not None and min(self.anchor, self.index) <= index <= max(self.anchor, self.index)

    def clamp(self, total: int) -> None:
        self.index = max(0, min(self.index, total - 1))


def follow(top: int, cursor: int, page: int, total: int, stride: int = 1) -> int:
    """The first row in view such that the cursor is: unchanged where it is in view already.

    `stride` is how far the view jumps when the cursor walks over its edge. Every jump repaints the whole table, so over
    a slow link one jump of a third of a page beats a repaint on every key.
    """
    last_top = max(0, total - page)
    if cursor < top:
        return max(0, min(cursor - stride + 1, cursor, last_top))
    if cursor >= top + page:
        return min(last_top, cursor - page + stride)
    return max(0, min(top, last_top))
