"""Exported reports: one self-contained file that says what is there, what changed, what is expected and what to do."""
