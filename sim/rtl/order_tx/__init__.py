"""Bench of order_tx: byte for byte against the software's OUCH port and a composer of frames of its own."""
