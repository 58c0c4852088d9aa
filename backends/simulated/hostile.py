"""What AWS may send that must do no harm: names that attack terminals and markup, and secrets that must not surface."""

from __future__ import annotations

HOSTILE: tuple[str, ...] = (
    "\x1b[31mred\x1b[0m alert",
    "\x1b]0;owned title\x07web",
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2Jc1 clear",
    "[red]markup[/red]",
    "[/]unbalanced [@click=app.quit]quit[/]",
    "first line\nsecond line\r\nthird",
    "tab\there\vand\fthere",
    "invoice\u202egnp.exe",
    "\u2066isolated\u2069 \u200bzero\u200dwidth",
    "שלום-עולם",
    "مرحبا بالعالم",
    "データ処理-本番-サーバー",
    "한국어-배치",
    "👩‍👩‍👧‍👦 family 🏴‍☠️",
    "e\u0301clair",
    '=HYPERLINK("http://evil.example","click")',
    "<script>alert('tag')</script>",
    "'; DROP TABLE ec2_instance; --",
    "-rf / $(reboot) `id`",
    "NULL",
    "",
    "x" * 10_240,
)
"""Values for names and tags. Some hold control characters that XML cannot carry; see `wire_safe`."""

CANARIES: tuple[str, ...] = (
    "CANARY-userdata-4f1c9b7e2a",
    "CANARY-launchtemplate-88d02c31f5",
    "CANARY-bootstrap-token-c0ffee77aa",
    "CANARY-dbpassword-19ae5530bd",
    "CANARY-functionvariable-73be0c9d41",
    "CANARY-containervariable-e2215fa08c",
    "CANARY-secretvalue-5ab7730d16",
    "CANARY-databaseparameter-0d94c1be72",
)
"""Planted secrets: in user data, launch templates, the environments of functions and containers, master passwords,
parameters of databases and secrets. None may turn up in a store, a log or a report."""


def wire_safe(text: str) -> str:
    """`text` as XML 1.0 can carry it: AWS sends control characters as the picture of a replacement, so do we."""
    return "".join(
        c
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
        else chr(0x2400 + ord(c) % 0x20)
        for c in text
    )
