"""Auth: who people are, which organisations they belong to, and how they sign in."""
