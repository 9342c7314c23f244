"""What folders of files share, whatever kind they are: a book while they are written, a manifest at the end."""
