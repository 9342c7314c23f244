"""Database servers that Wherry starts for itself when the settings name none."""
