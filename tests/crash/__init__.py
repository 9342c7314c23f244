"""What must hold whatever happens to processes, servers and lines."""
