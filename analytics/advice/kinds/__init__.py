"""One file per kind of advice, each holding one `ADVICE`; a new file is found by being here."""
