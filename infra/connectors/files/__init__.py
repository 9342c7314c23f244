"""What databases that are one file share: a session on a thread of its own, a ledger beside the rows."""
