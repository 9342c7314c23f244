"""Fields that go on: a snapshot first, then what comes."""
