/* A lane: a bounded queue of fixed slots with one producer and one consumer, in shared memory.
 *
 * Record n lies in slot n % count. `published` is the number of records that the producer has finished, `taken` of those
 * that the consumer has let go; both only grow. Each side writes its own line alone and keeps a private copy of the
 * other's number, which it renews when it seems to have run out: while neither full nor empty, no line moves between
 * the cores but those of the slots.
 *
 * A producer that dies between claim and publish leaves a slot that nobody was told about: the next producer writes it
 * anew. `claimed` says that this happened, so that it can be counted.
 */
#ifndef MELTICA_LANE_H
#define MELTICA_LANE_H

#include "atomics.h"

/* 128 bytes each: processors fetch lines in pairs, and neither side may wait for the other's line. */
typedef struct {
    uint64_t published;
    uint64_t claimed;   /* more than published while records are being written */
    uint64_t full;      /* claims refused for want of room */
    uint64_t lost;      /* claimed by producers that died before they published */
    uint64_t owner;     /* process, 0: none */
    uint64_t takeovers; /* places taken from the dead */
    uint64_t reserved[10];
} meltica_lane_producer_t;

typedef struct {
    uint64_t taken;
    uint64_t discarded; /* of those taken: thrown away unread, on purpose */
    uint64_t owner;
    uint64_t takeovers;
    uint64_t reserved[12];
} meltica_lane_consumer_t;

_Static_assert(sizeof(meltica_lane_producer_t) == 128, "size of a lane's producer side");
_Static_assert(sizeof(meltica_lane_consumer_t) == 128, "size of a lane's consumer side");

/* One side's handle, private to its process. */
typedef struct {
    meltica_lane_producer_t *producer;
    meltica_lane_consumer_t *consumer;
    unsigned char *slots;
    uint64_t count; /* of slots, a power of two */
    uint64_t shift; /* a slot has 1 << shift bytes */
    uint64_t next;  /* producer: the record to write; consumer: the record to read */
    uint64_t limit; /* how far it may go, as the other side was last seen */
} meltica_lane_t;

static inline void *lane_slot(const meltica_lane_t *lane, uint64_t number) {
    return lane->slots + ((number & (lane->count - 1)) << lane->shift);
}

/* Slots that may be written, at most `wanted`; looks at the other side only when its last known number is not enough. */
static inline uint64_t lane_room(meltica_lane_t *lane, uint64_t wanted) {
    uint64_t room = lane->limit - lane->next;
    if (room < wanted) {
        /* Acquire, with the release in lane_advance: the consumer's reads of a slot are over before it is written anew. */
        uint64_t waiting = lane->next - load_acquire(&lane->consumer->taken);
        /* More waiting than there are slots is a number that nobody can have written in good order: no room. */
        room = waiting > lane->count ? 0 : lane->count - waiting;
        lane->limit = lane->next + room;
    }
    return room < wanted ? room : wanted;
}

/* The slot of the next record, to be filled and published; NULL when full, which is counted. */
static inline void *lane_claim(meltica_lane_t *lane) {
    if (lane->limit == lane->next && lane_room(lane, 1) == 0) {
        store_relaxed(&lane->producer->full, load_relaxed(&lane->producer->full) + 1);
        return NULL;
    }
    /* Relaxed: only who takes the place of a dead producer reads it, and says no more than that a record was begun. */
    store_relaxed(&lane->producer->claimed, lane->next + 1);
    return lane_slot(lane, lane->next);
}

/* Hands over `records` slots from the claimed one on. */
static inline void lane_publish_many(meltica_lane_t *lane, uint64_t records) {
    lane->next += records;
    /* Release, with the acquire in lane_peek: the bytes of the slots are there before the number that tells of them. */
    store_release(&lane->producer->published, lane->next);
}

static inline void lane_publish(meltica_lane_t *lane) { lane_publish_many(lane, 1); }

/* Records that may be read, at most `wanted`. */
static inline uint64_t lane_waiting(meltica_lane_t *lane, uint64_t wanted) {
    uint64_t waiting = lane->limit - lane->next;
    if (waiting < wanted) {
        /* Acquire, with the release in lane_publish: no byte of a slot is read before the number that tells of it. */
        waiting = load_acquire(&lane->producer->published) - lane->next;
        if (waiting > lane->count) /* impossible in good order: rather nothing than bytes that nobody vouches for */
            waiting = 0;
        lane->limit = lane->next + waiting;
    }
    return waiting < wanted ? waiting : wanted;
}

/* The next record, valid until lane_advance; NULL when there is none. */
static inline const void *lane_peek(meltica_lane_t *lane) {
    if (lane->limit == lane->next && lane_waiting(lane, 1) == 0)
        return NULL;
    return lane_slot(lane, lane->next);
}

static inline void lane_advance_many(meltica_lane_t *lane, uint64_t records) {
    lane->next += records;
    /* Release, with the acquire in lane_room: our reads of the slots are over before they may be written anew. */
    store_release(&lane->consumer->taken, lane->next);
}

static inline void lane_advance(meltica_lane_t *lane) { lane_advance_many(lane, 1); }

#endif
