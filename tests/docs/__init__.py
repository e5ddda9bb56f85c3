"""What the documentation shows is true: its configurations load, its commands run, its examples work."""
