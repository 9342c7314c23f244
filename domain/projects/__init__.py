"""Projects: the rooms in which an organisation's migrations are prepared and run."""
