"""One thin function per GraphQL field: each sends one message."""
