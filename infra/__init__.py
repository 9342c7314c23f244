"""How Wherry meets the world: databases, Redis, HTTP, cryptography, settings."""
