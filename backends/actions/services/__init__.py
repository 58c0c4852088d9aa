"""The actions, one module per AWS service; a module that declares `DECLARED` is found by itself."""
