"""Bytes of OUCH typed by hand from the specification, and those of the captures as they are written in its appendix."""

from __future__ import annotations

# Real packets (Open Markets Initiative, Nasdaq.Nsm.Ouch.v5.0): with their SoupBinTCP header.
CAPTURED = {
    "EnterOrderMessage": (
        "inbound",
        "0036554f0000007154000000e143564c54202020200000000000099db83059414e4e4838465542384956202020202020000605024c494d45",
    ),
    "OrderAcceptedMessage": (
        "outbound",
        (
            "004a53410000289b4d64af8700753a8d42000000284144424520202020000000000048e7483559000000000f56b4f5414e4e4c"
            "3736383237303120202020202020000905024d4c524f021230"
        ),
    ),
    "CancelOrderMessage": ("inbound", "000a555800752e7100000000"),
    "CanceledMessage": ("outbound", "001353430000289b4d68131700753a8d0000002855"),
    "ClientHeartbeatPacket": ("inbound", "000152"),
    "ServerHeartbeatPacket": ("outbound", "000148"),
}

TIME = "0000289b4d64af87"
URN = "00000007"
ID = "4d" + 13 * "30"  # M0000000000000
# Every other message, field by field (hyphens between fields).
TYPED_INBOUND = {
    "U": (
        f"55-{URN}-00000008-000001f4-0000000000018b3c-30-59-4e-{ID}-0006-02-0c-50-02-19-59",
        {"OrigUserRefNum": 7, "UserRefNum": 8, "Quantity": 500, "Price": 101_180, "ClOrdID": "M0000000000000"},
    ),
    "M": (f"4d-{URN}-54-00000064", {"UserRefNum": 7, "Side": "T", "Quantity": 100}),
    "C": (f"43-{URN}-4c494d45-4141504c20202020-0000", {"UserRefNum": 7, "Firm": "LIME", "Symbol": "AAPL"}),
    "D": (f"44-{URN}-4c494d45-0003-02-1c-05", {"UserRefNum": 7, "Firm": "LIME"}),
    "E": (f"45-{URN}-4c494d45-0000", {"UserRefNum": 7, "Firm": "LIME"}),
    "Q": ("51", {}),
}
TYPED_OUTBOUND = {
    "S": (f"53-{TIME}-53", {"Timestamp": 44_647_483_486_087, "Event Code": "S"}),
    "U": (
        (
            f"55-{TIME}-{URN}-00000008-42-00000190-4141504c20202020-0000000000018b3c-30-59-000000000f56b4f5-50-4e-4e-4c"
            f"-{ID}-0000"
        ),
        {"OrigUserRefNum": 7, "UserRefNum": 8, "Side": "B", "Quantity": 400, "Symbol": "AAPL", "Order State": "L"},
    ),
    "D": (
        f"44-{TIME}-{URN}-00000064-51-00000032-0000000000018b3c-41-4f",
        {"Decrement Shares": 100, "Reason": "Q", "Quantity prevented from trading": 50, "Execution Price": 101_180},
    ),
    "E": (
        f"45-{TIME}-{URN}-00000064-0000000000018b3c-52-0000000000000929-0000",
        {"Quantity": 100, "Price": 101_180, "Liquidity Flag": "R", "Match Number": 2345},
    ),
    "B": (
        f"42-{TIME}-{URN}-0000000000000929-45-{ID}",
        {"Match Number": 2345, "Reason": "E", "ClOrdID": "M0000000000000"},
    ),
    "F": (
        f"46-{TIME}-{URN}-00000064-0000000000018b3c-52-0000000000000929-4e-{ID}",
        {"Quantity": 100, "Price": 101_180, "Match Number": 2345, "Reason": "N"},
    ),
    "J": (f"4a-{TIME}-{URN}-0007-{ID}", {"UserRefNum": 7, "Reason": 7}),
    "P": (f"50-{TIME}-{URN}", {"UserRefNum": 7}),
    "I": (f"49-{TIME}-{URN}-0003-02-1c-05", {"UserRefNum": 7}),
    "T": (
        f"54-{TIME}-{URN}-0000000000018b3c-59-000000000f56b4f5",
        {"Price": 101_180, "Display": "Y", "Order Reference Number": 257_340_661},
    ),
    "M": (f"4d-{TIME}-{URN}-45-00000064", {"Side": "E", "Quantity": 100}),
    "R": (f"52-{TIME}-{URN}-52-0006-05-16-00000064", {"Reason": "R"}),
    "X": (f"58-{TIME}-{URN}-4c494d45-2020202020202020-0003-02-1b-42", {"Firm": "LIME", "Symbol": ""}),
    "G": (f"47-{TIME}-{URN}-4c494d45-0000", {"Firm": "LIME"}),
    "K": (f"4b-{TIME}-{URN}-4c494d45-0000", {"Firm": "LIME"}),
    "Q": (f"51-{TIME}-00000008", {"NextUserRefNum": 8}),
}

TOKEN = "544f4b454e31323334" + 5 * "20"  # TOKEN1234
TYPED_42_INBOUND = {
    "O": (
        f"4f-{TOKEN}-42-00000064-4141504c20202020-0018b3c0-0001869e-4c494d45-59-50-4e-00000000-4e-20",
        {"Order Token": "TOKEN1234", "Shares": 100, "Stock": "AAPL", "Price": 1_618_880, "Time in Force": 99_998},
    ),
    "U": (f"55-{TOKEN}-{TOKEN}-00000064-0018b3c0-00000000-59-4e-00000000", {"Time in Force": 0}),
    "X": (f"58-{TOKEN}-00000000", {"Shares": 0}),
    "M": (f"4d-{TOKEN}-54-00000064", {"Buy/Sell Indicator": "T"}),
    "N": (f"4e-{TOKEN}", {}),
}
TYPED_42_OUTBOUND = {
    "S": (f"53-{TIME}-45", {"Event Code": "E"}),
    "A": (
        (
            f"41-{TIME}-{TOKEN}-42-00000064-4141504c20202020-0018b3c0-0001869f-4c494d45-59-000000000f56b4f5-50-4e-00000000"
            "-4e-4c-53"
        ),
        {"Order Reference Number": 257_340_661, "Order State": "L", "BBO Weight Indicator": "S"},
    ),
    "U": (
        (
            f"55-{TIME}-{TOKEN}-42-00000064-4141504c20202020-0018b3c0-0001869f-4c494d45-59-000000000f56b4f5-50-4e-00000000"
            f"-4e-4c-{TOKEN}-20"
        ),
        {"Replacement Order Token": "TOKEN1234", "Previous Order Token": "TOKEN1234"},
    ),
    "C": (f"43-{TIME}-{TOKEN}-00000064-55", {"Decrement Shares": 100, "Reason": "U"}),
    "D": (f"44-{TIME}-{TOKEN}-00000064-51-00000032-0018b3c0-41", {"Quantity Prevented from Trading": 50}),
    "E": (f"45-{TIME}-{TOKEN}-00000064-0018b3c0-41-0000000000000929", {"Match Number": 2345}),
    "G": (f"47-{TIME}-{TOKEN}-00000064-0018b3c0-41-0000000000000929-0018b3c0-49", {"Reference Price Type": "I"}),
    "B": (f"42-{TIME}-{TOKEN}-0000000000000929-45", {"Reason": "E"}),
    "F": (f"46-{TIME}-{TOKEN}-00000064-0018b3c0-41-0000000000000929-4e", {"Reason": "N"}),
    "J": (f"4a-{TIME}-{TOKEN}-48", {"Reason": "H"}),
    "P": (f"50-{TIME}-{TOKEN}", {}),
    "I": (f"49-{TIME}-{TOKEN}", {}),
    "T": (f"54-{TIME}-{TOKEN}-0018b3c0-59-000000000f56b4f5", {"Price": 1_618_880}),
    "M": (f"4d-{TIME}-{TOKEN}-54-00000064", {"Shares": 100}),
}
SIZES_42 = {
    "inbound": {"O": 49, "U": 47, "X": 19, "M": 20, "N": 15},
    "outbound": {
        "S": 10, "A": 66, "U": 80, "C": 28, "D": 37, "E": 40, "G": 45, "B": 32, "F": 41, "J": 24, "P": 23, "I": 23,
        "T": 36, "M": 28,
    },
}  # fmt: skip
# Offset of the last fixed byte + 1, as the tables of the specification give it.
SIZES_50 = {
    "inbound": {"O": 45, "U": 38, "X": 9, "M": 10, "C": 17, "D": 9, "E": 9, "Q": 1},
    "outbound": {
        "S": 10, "A": 62, "U": 66, "C": 18, "D": 32, "E": 34, "B": 36, "F": 49, "J": 29, "P": 13, "I": 13, "T": 30,
        "M": 18, "R": 14, "X": 25, "G": 17, "K": 17, "Q": 13,
    },
}  # fmt: skip


def raw(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))
