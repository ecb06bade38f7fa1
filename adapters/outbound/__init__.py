"""Couriers: events out. Each is handed to the pump by the composition root; none knows another."""
