"""Recommendations: what could be cheaper, with evidence, a price and its source, and the action that does it."""
