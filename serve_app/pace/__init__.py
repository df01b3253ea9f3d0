"""What the farm has done lately, and what that costs."""
