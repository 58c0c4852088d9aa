"""Palettes and the style sheet that all screens share. The names are here so that asking for one imports nothing."""

from pathlib import Path

DEFAULT = "quarterdeck-dark"
ANSI = "bastion"
NAMES = (DEFAULT, "quarterdeck-light", "high-contrast", "colour-blind-safe", ANSI)
STYLE_SHEET = Path(__file__).with_name("console.tcss")
