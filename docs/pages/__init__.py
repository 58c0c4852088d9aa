"""One module per sort of page; each turns declarations into Markdown."""
