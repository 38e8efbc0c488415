"""Formulas that make indicators of readings: integers in, integers out."""
