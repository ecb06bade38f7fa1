"""Jobs that runners do: tables imported, EOIs exported; by the engine's face, as whoever asked for them."""
