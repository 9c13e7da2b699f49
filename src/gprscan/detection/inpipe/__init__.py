"""Detection on lines measured inside a pipe: the wall, and what lies behind it."""
