"""Serves the web app: the static export of ``web/``, from memory, each page with a policy for its own scripts."""
