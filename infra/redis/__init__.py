"""Redis: a doorbell, a message board and a cache. It holds nothing that cannot be rebuilt."""
