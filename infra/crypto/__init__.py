"""Keys, passwords, tokens and sealed secrets."""
