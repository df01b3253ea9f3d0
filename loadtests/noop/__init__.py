"""A farm whose frames cost nothing: every statement and every process of the real one, but no pixels and no bytes."""
