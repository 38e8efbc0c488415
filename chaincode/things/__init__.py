"""The things that are lent against and what measures them: assets, slots and devices."""
