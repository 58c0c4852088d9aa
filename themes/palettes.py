"""The palettes. Each defines the semantic variables of all screens: ok, warn, bad, stale, denied, forecast, anomaly.

Most colours are exactly those of the 256-colour cube. A colour is written out in decimal with every run of text, and
such a one takes `38;5;252` where another takes `38;2;208;208;208`: a fifth of all bytes that a page costs over SSH.
"""

from __future__ import annotations

from textual.theme import Theme

from themes import ANSI, DEFAULT

SEMANTIC = ("ok", "warn", "bad", "stale", "denied", "forecast", "anomaly")
"""Every theme defines these, and the surfaces below."""
SURFACES = ("head", "cursor", "cursor-text", "mark", "muted", "link", "band-50", "band-80", "band-95", "rule")

_DARK = Theme(
    name=DEFAULT,
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#d7af5f",
    warning="#d7af5f",
    error="#ff5f5f",
    success="#87d787",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
    variables={
        "ok": "#87d787",
        "warn": "#ffaf5f",
        "bad": "#ff5f5f",
        "stale": "#808080",
        "denied": "#d787d7",
        "forecast": "#5fafd7",
        "anomaly": "#ff8700",
        "head": "#303030",
        "cursor": "#005f87",
        "cursor-text": "#ffffff",
        "mark": "#ffd75f",
        "muted": "#949494",
        "link": "#87d7ff",
        "band-50": "#1d4f70",
        "band-80": "#173a52",
        "band-95": "#142633",
        "rule": "#444444",
    },
)

_LIGHT = Theme(
    name="quarterdeck-light",
    primary="#005f87",
    secondary="#5f5f87",
    accent="#875f00",
    warning="#875f00",
    error="#af0000",
    success="#005f00",
    foreground="#262626",
    background="#ffffff",
    surface="#eeeeee",
    panel="#e4e4e4",
    dark=False,
    variables={
        "ok": "#005f00",
        "warn": "#875f00",
        "bad": "#af0000",
        "stale": "#767676",
        "denied": "#870087",
        "forecast": "#005faf",
        "anomaly": "#af5f00",
        "head": "#dadada",
        "cursor": "#afd7ff",
        "cursor-text": "#000000",
        "mark": "#870000",
        "muted": "#626262",
        "link": "#005faf",
        "band-50": "#a8d2ec",
        "band-80": "#cce4f3",
        "band-95": "#e4f0f8",
        "rule": "#bcbcbc",
    },
)

_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffffff",
    secondary="#ffff00",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff8080",
    success="#00ff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    variables={
        "ok": "#00ff00",
        "warn": "#ffff00",
        "bad": "#ff8080",
        "stale": "#c0c0c0",
        "denied": "#ff9cff",
        "forecast": "#00ffff",
        "anomaly": "#ffb000",
        "head": "#000080",
        "cursor": "#ffff00",
        "cursor-text": "#000000",
        "mark": "#ffff00",
        "muted": "#e0e0e0",
        "link": "#80d4ff",
        "band-50": "#005f87",
        "band-80": "#003f5f",
        "band-95": "#002838",
        "rule": "#ffffff",
    },
)

_BLUE_ORANGE = Theme(
    name="colour-blind-safe",
    primary="#5fafff",
    secondary="#87afaf",
    accent="#ffaf5f",
    warning="#ffd787",
    error="#ff8700",
    success="#5fafff",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
    variables={
        "ok": "#5fafff",
        "warn": "#ffd787",
        "bad": "#ff8700",
        "stale": "#808080",
        "denied": "#d7afd7",
        "forecast": "#87d7ff",
        "anomaly": "#ffaf5f",
        "head": "#303030",
        "cursor": "#005f87",
        "cursor-text": "#ffffff",
        "mark": "#ffd75f",
        "muted": "#949494",
        "link": "#87d7ff",
        "band-50": "#1d4f70",
        "band-80": "#173a52",
        "band-95": "#142633",
        "rule": "#444444",
    },
)

_BASTION = Theme(
    name=ANSI,
    primary="ansi_cyan",
    secondary="ansi_blue",
    accent="ansi_yellow",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    ansi=True,
    variables={
        "ok": "ansi_green",
        "warn": "ansi_yellow",
        "bad": "ansi_bright_red",
        "stale": "ansi_bright_black",
        "denied": "ansi_magenta",
        "forecast": "ansi_cyan",
        "anomaly": "ansi_bright_yellow",
        "head": "ansi_default",
        "cursor": "ansi_default",
        "cursor-text": "ansi_default",
        "mark": "ansi_bright_yellow",
        "muted": "ansi_default",
        "link": "ansi_bright_cyan",
        "band-50": "ansi_bright_blue",
        "band-80": "ansi_blue",
        "band-95": "ansi_black",
        "rule": "ansi_default",
    },
)

THEMES: tuple[Theme, ...] = (_DARK, _LIGHT, _CONTRAST, _BLUE_ORANGE, _BASTION)
