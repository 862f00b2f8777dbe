"""Speed, measured by make bench."""
