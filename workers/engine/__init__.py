"""The data plane: decisions and flow of a migration, free of drivers, queues and servers."""
