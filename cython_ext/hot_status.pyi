from enum import IntEnum
from typing import Any

WORD_BYTES: int
STAGE_BYTES: int
BYTES: int
REJECTS: int
ENCODES: int

class Word(IntEnum):
    ORDER_STATE = 0
    ORDER_TURNS = 1
    ORDER_LONGEST_TURN_NS = 2
    ORDER_BEAT_NS = 3
    INTENTS = 4
    SENT_NEW = 5
    SENT_REPLACE = 6
    SENT_CANCEL = 7
    REFUSED = 8
    NOT_ENCODED = 9
    TRIP_CANCELS = 10
    SELF_MATCH_CANCELS = 11
    SENDS = 12
    SENT_BYTES = 13
    SEND_BLOCKED = 14
    HELD_BACK = 15
    RECEIVED_BYTES = 16
    RECEIVED_PACKETS = 17
    BAD_PACKETS = 18
    EXECUTIONS = 19
    ACCEPTED = 20
    REJECTED = 21
    CANCELED = 22
    LIVE_ORDERS = 23
    SOUP_SEQUENCE = 24
    NEXT_USER_REF_NUM = 25
    DROPS_NEXT = 26
    SESSION_UP = 27
    SESSION_LOSSES = 28
    KILL_ENGAGED = 29
    KILL_EPOCH = 30
    KILLS_SEEN = 31
    CONTROL_RECORDS = 32
    CONTROL_REFUSED = 33
    CONTROL_KILLED = 34
    LEASED = 35
    LEASE_UNTIL_NS = 36
    LEASE_LAPSES = 37
    JOURNAL_BYTES = 38
    JOURNAL_ROOM = 39
    JOURNAL_FULL = 40
    GATE_FAULTS = 41
    REFERENCES = 42
    OUT_WAITING = 43
    WARMED = 44
    RESET_SEEN = 45
    CAUGHT_UP = 46
    SETTLED_ORDERS = 47
    MARKET_STATE = 128
    MARKET_TURNS = 129
    MARKET_LONGEST_TURN_NS = 130
    MARKET_BEAT_NS = 131
    FEED_PACKETS = 132
    FEED_MESSAGES = 133
    FEED_SLOW = 134
    FEED_GAPS = 135
    FEED_LOST = 136
    FEED_DROPS = 137
    FEED_GAPPED = 138
    FEED_TIME_NS = 139
    FEED_STATE = 140
    TOPS_STORED = 141
    FEED_SEQUENCE = 142
    FEED_BAD = 143
    TENDER_BEAT_NS = 160
    CLOCK_OFFSET_NS = 161
    CLOCK_STEPS = 162
    CLOCK_AHEAD_NS = 163
    LINK_STATE = 164
    LINK_GAPS = 165
    CONTROL_HELD_BACK = 166
    RECONNECTS = 167
    RESET_WANTED = 168

class LoopState(IntEnum):
    STARTING = 0
    WARMING = 1
    RUNNING = 2
    DRAINING = 3
    ENDED = 4
    FAULTED = 5

class Stage(IntEnum):
    RING_WAIT = 0
    VIEW = 1
    GATE = 2
    ENCODE = 3
    RECORD = 4
    TO_OUT = 5
    SEND = 6
    RECEIVE = 7
    TURN = 8
    PACKET_TO_BOOK = 9
    PACKET_TO_TOP = 10

class HotStatus:
    def __init__(self, buffer: Any) -> None: ...
    def put(self, word: int, value: int) -> None: ...
    def add(self, word: int, amount: int = 1) -> None: ...
    def get(self, word: int) -> int: ...
