"""A world with a seed: the engine, its journal and a venue under faults, on a clock that only the simulator moves."""
