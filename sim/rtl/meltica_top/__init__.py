"""The whole card, from the market message to the order frame."""
