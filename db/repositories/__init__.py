"""Plain reads and writes, one module per thing. Every read of a project's things names the project."""
