"""Steps behind the frames: checks, previews, films. CPU only; run as Ray tasks, usable alone."""
