"""The catalog: what a database holds, in words every engine shares."""
