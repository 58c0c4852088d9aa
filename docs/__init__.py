"""The documentation that is written by hand lies beside what `python -m docs.generate` makes of the declarations."""
