"""Every statement that writes or reads rows. No rule lives here: what is asked for is done."""
