"""A consortium on one machine: founded, its engines brought up, its processes started and stopped."""
