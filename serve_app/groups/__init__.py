"""What jobs are grouped by: shows, shots and tags of a project, with what is in each."""
