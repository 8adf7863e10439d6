"""The bench of the risk gate: every order and told row beside the Python twin, in the order in which they enter."""
