"""Wherry beside the databases' own bulk loads and beside other tools: `make bench`."""
