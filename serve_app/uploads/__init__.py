"""Uploads in parts: begin, see what is there, complete, drop; and the route that takes parts on local disk."""
