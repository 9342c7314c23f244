"""Fields that change something; the input is the command."""
