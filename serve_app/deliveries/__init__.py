"""Files of a job on their way into the project's bucket."""
