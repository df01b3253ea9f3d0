"""`python -m rayfarm` is the `rayfarm` command."""

from rayfarm.cli import app

app()
