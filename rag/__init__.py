"""Reading Room: questions about a seminar's readings, answered in the readings' own words."""

__version__ = "0.1.0"
