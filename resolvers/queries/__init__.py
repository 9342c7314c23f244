"""Fields that look."""
