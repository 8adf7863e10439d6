"""How large the gates are that the bench builds."""

SHAPES = {
    "usual": {
        "Instruments": 16,
        "Accounts": 4,
        "Strategies": 4,
        "Ports": 4,
        "WorkingOrders": 40,
        "DuplicateDepth": 4,
        "FutureToleranceNs": 1_000,
    },
    "small": {
        "Instruments": 3,
        "Accounts": 2,
        "Strategies": 2,
        "Ports": 2,
        "WorkingOrders": 8,
        "DuplicateDepth": 2,
        "FutureToleranceNs": 1_000,
    },
}
