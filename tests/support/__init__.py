"""What tests share: servers, builders, helpers."""
